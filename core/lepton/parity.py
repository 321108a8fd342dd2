"""Whether features are what they are defined as, and the deployed bundle what was trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lepton import roles, stages
from lepton.compress.front import Front
from lepton.context import Context
from lepton.contracts.apply import apply_mapping
from lepton.contracts.dialects import find_dialect
from lepton.contracts.infer import draft_mapping
from lepton.contracts.model import Contract, Validated
from lepton.errors import ConfigError, IntegrityError
from lepton.export.parity import Parity, check, require
from lepton.features.parity import FeatureParity, feature_parity
from lepton.features.spec import FeatureSpec
from lepton.frames import read_raw
from lepton.registry.store import Registry, Version
from lepton.scoring import bundle_features
from lepton_edge import atomic
from lepton_edge.atomic import write_text

FEATURE_TOLERANCE = 1e-9
"""Largest |a - b| / max(1, |a|) between two engines of one feature (DESIGN, decision 3)."""


@dataclass(frozen=True)
class Agreement:
    """Features against definition and twin, and the current version's bundle against its model.

    version, graph: None where nothing is deployed yet, or where the table is not the one that the
    solution is configured for; draft: the mapping that was drafted for it.
    """

    features: FeatureParity
    version: Version | None
    graph: Parity | None
    draft: Path | None = None

    def require(self) -> None:
        """Raise IntegrityError LK642, LK643 or ExportError LK505 where a tolerance is not kept."""
        if self.features.max_rel_diff > FEATURE_TOLERANCE:
            raise IntegrityError(
                "LK642",
                where=f"feature {self.features.worst}",
                found=f"differs from its definition by {self.features.max_rel_diff:.3g}",
                remedy="tell us, with the feature's node and a few rows that show it",
            )
        for name, mode in self.features.stream.modes.items() if self.features.stream else ():
            if not mode.max_rel_diff <= FEATURE_TOLERANCE:
                raise IntegrityError(
                    "LK643",
                    where=f"feature {mode.worst}",
                    found=f"stream ({name}) and batch differ by {mode.max_rel_diff:.3g}",
                    remedy="tell us, with the feature's node and a few rows that show it",
                )
        if self.graph is not None:
            require(self.graph)


def agreement(ctx: Context, rows: int) -> Agreement:
    """Features on the source's first `rows` rows, the bundle on its last.

    The bundle is also given golden rows and rows made to be difficult (on thresholds, missing,
    unseen). Raises IntegrityError LK641 where the trained model that the project keeps is not
    the one that the current bundle was made from.
    """
    ctx, draft = with_draft(ctx)
    registry = Registry(ctx.workspace.registry(ctx.solution.name))
    version = registry.current() if draft is None else None
    front = _trained(ctx, version) if version else None
    is_whole = version is not None or ctx.solution.features.unfitted
    validated = _all_rows(ctx) if is_whole else _first_rows(ctx, rows)
    table = ctx.rows(validated.tables)
    ctx.progress.stage("parity")
    features = feature_parity(
        table.head(rows),
        ctx.contract,
        _spec(ctx, version, table),
        ctx.extras,
        seed=ctx.config.seed,
        lateness_s=ctx.config.stream.lateness_s,
    )
    if version is None or front is None:
        return Agreement(features, None, None, draft)
    dataset = stages.featurize(ctx, validated)
    last = dataset.take(np.arange(max(len(dataset) - rows, 0), len(dataset)))
    return Agreement(features, version, check(front.model, version.path, last))


def _spec(ctx: Context, version: Version | None, rows: pd.DataFrame) -> FeatureSpec:
    """The solution's features; where they learn, those of the current bundle, or else of `rows`."""
    if version is None or not ctx.solution.features.unfitted:
        return stages.fitted_spec(ctx, rows)
    return bundle_features(version.path)


def with_draft(ctx: Context) -> tuple[Context, Path | None]:
    """`ctx`, and where no mapping is configured for a table that needs one, a draft of it.

    The draft goes to the run's folder as mapping.yaml. Raises ConfigError LK157 where it leaves
    columns out without which nothing can be computed.
    """
    if ctx.config.mapping is not None:
        return ctx, None
    table = ctx.task.table
    path = (ctx.project.root / ctx.config.source[table]).expanduser()
    dialect = find_dialect(path)
    raw = read_raw(path, dialect)
    if not _absent(ctx.contract, raw):
        return ctx, None
    draft = ctx.folder / "mapping.yaml"
    write_text(draft, draft_mapping(raw, ctx.contract, path, dialect).text)
    drafted = replace(ctx, config=ctx.config.model_copy(update={"mapping": str(draft)}))
    mapped = apply_mapping(raw.head(1), drafted.mappings[table], ctx.contract).frame
    missing = _absent(ctx.contract, mapped)
    if missing:
        raise ConfigError(
            "LK157",
            where=str(path),
            found=f"no mapping is configured, and none of its columns is clearly "
            f"{', '.join(missing)} (a draft is in {draft})",
            remedy="complete the draft and name it in solution.yaml as `mapping:`, "
            "or name a file whose columns are canonical",
        )
    return drafted, draft


def _absent(contract: Contract, frame: pd.DataFrame) -> list[str]:
    """Columns that the contract wants present and that are not; the target may be unknown."""
    wanted = [one for one in contract.columns if one.present and roles.TARGET not in one.roles]
    return [one.name for one in wanted if one.name not in frame.columns]


def _all_rows(ctx: Context) -> Validated:
    return stages.validate(ctx, stages.read(ctx), scoring=True)


def _first_rows(ctx: Context, rows: int) -> Validated:
    """The file's first rows alone where nothing asks for the others."""
    table = ctx.task.table
    source = dict(stages.read(ctx))
    source[table] = source[table].head(rows)
    return stages.validate(ctx, source, scoring=True)


def _trained(ctx: Context, version: Version) -> Front:
    """The latest run's front, whose model the bundle must have been made from."""
    from lepton_edge.bundle import open_bundle

    asked = open_bundle(version.path).manifest.content["model_fingerprint"]
    try:
        front = Front.load(
            atomic.resolve(ctx.workspace.assets(ctx.solution.name) / "model") / "value"
        )
        found = front.model.fingerprint
    except (OSError, ValueError) as error:
        found = f"none ({error})"
    if found != asked:
        raise IntegrityError(
            "LK641",
            where=f"version {version.number} of {ctx.solution.name}",
            found=f"made from model {asked[:12]}, the project keeps {found[:80]}",
            remedy="the golden rows still prove it: python -m lepton_edge verify BUNDLE; "
            "or run again and promote the new version",
        )
    return front


__all__ = ["FEATURE_TOLERANCE", "Agreement", "agreement", "with_draft"]
