"""Checks compiled to one Great Expectations suite a table, run once, read with suspicion.

GX 1.24 counts an exception inside an expectation as a failed one, and passes empty and
all-missing columns; so exceptions are looked for by name, and its verdict is compared with
our own masks. Broken values are kept out of Data Docs: they may be personal.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lepton.contracts.checks import Check

_SITE = "lepton"


@dataclass(frozen=True)
class Verdict:
    """What GX says of one check; error: its exception's message where it could not tell."""

    check: Check
    passed: bool
    error: str | None = None


def expectations(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """The checks that GX can express, as its own JSON; `meta.check` is the position."""
    return [
        {
            "type": check.gx[0],
            "kwargs": dict(check.gx[1]),
            "meta": {"check": place, "rule": check.rule},
            "severity": "critical" if check.severity != "warning" else "warning",
        }
        for place, check in enumerate(checks)
        if check.gx is not None
    ]


def run_suites(
    tables: Mapping[str, tuple[pd.DataFrame, Sequence[Check]]], docs: Path | None
) -> dict[str, list[Verdict]]:
    """Table -> verdicts, from one validation a table; Data Docs as a static site in `docs`."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with _quietly():
        import great_expectations as gx

        context: Any = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        if docs is not None:
            context.add_data_docs_site(site_name=_SITE, site_config=_site(docs))
        verdicts = {
            table: _run(gx, context, table, frame, checks)
            for table, (frame, checks) in tables.items()
        }
        if docs is not None:
            context.build_data_docs(site_names=[_SITE])
    return verdicts


@contextmanager
def _quietly() -> Iterator[None]:
    """GX and what it imports warn about themselves; that is nothing for our user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _site(docs: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(docs.resolve()),
        },
    }


def _run(
    gx: Any, context: Any, table: str, frame: pd.DataFrame, checks: Sequence[Check]
) -> list[Verdict]:
    derived = [check.derived for check in checks if check.derived is not None]
    whole = frame.assign(**{name: make(frame) for name, make in derived})
    asset = context.data_sources.add_pandas(table).add_dataframe_asset(table)
    suite = context.suites.add(gx.ExpectationSuite(table, expectations=expectations(checks)))
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(
            name=table, data=asset.add_batch_definition_whole_dataframe("all"), suite=suite
        )
    )
    result = definition.run(
        batch_parameters={"dataframe": whole},
        result_format={"result_format": "BASIC", "partial_unexpected_count": 0},
    )
    return [_verdict(one, checks) for one in result.results]


def _verdict(result: Any, checks: Sequence[Check]) -> Verdict:
    check = checks[result.expectation_config.meta["check"]]
    return Verdict(check, bool(result.success), _exception(result.exception_info))


def _exception(info: Any) -> str | None:
    """Message of an exception that GX caught: it stands at the top, or below a metric's name."""
    if not isinstance(info, Mapping):
        return None
    if info.get("raised_exception"):
        return str(info.get("exception_message")).splitlines()[0][:200]
    return next((found for one in info.values() if (found := _exception(one))), None)
