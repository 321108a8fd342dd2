"""Whether a stream gives the features of the batch, and a bundle the deciles of its champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton import stages
from lepton.compress.forecasts import ForecastFront
from lepton.context import Context
from lepton.errors import IntegrityError
from lepton.export.bundle import Bundle
from lepton.export.forecast_parity import ForecastParity, check_forecasts, require_forecasts
from lepton.forecast.lessons import held_out
from lepton.forecast.near_agreement import near_agreement
from lepton.forecast.near_lessons import Span, asked_of
from lepton.forecast.prepared import Prepared
from lepton.forecast.usual import days_of
from lepton.registry.store import Registry
from lepton_edge import atomic
from lepton_edge.asof import features
from lepton_edge.asof_history import History
from lepton_edge.asof_spec import AsOfSpec
from lepton_edge.asof_stream import AsOfStream
from lepton_edge.near_spec import NearSpec

MOST_NEAR: Final = 6_000
"""Issues of a series of a network by which a bundle is compared with its champion."""
ISSUES: Final = 7
"""The newest issues of every series that are compared; a restart lies before the last."""


@dataclass(frozen=True)
class ForecastAgreement:
    """max_abs_diff: largest difference of a feature between stream and batch, whose values must be
    the same bits; compared: how many; parity: of the current bundle, None without one."""

    max_abs_diff: float
    compared: int
    parity: ForecastParity | None

    def metrics(self) -> dict[str, float | int | str | None]:
        """By the names that the other parities have."""
        found: dict[str, float | int | str | None] = {
            "max_rel_diff": self.max_abs_diff,
            "features_compared": self.compared,
        }
        if self.parity is not None:
            found["graph_max_abs_diff"] = self.parity.max_abs_diff
            found["flips_golden"] = self.parity.flips
            found["crossings"] = self.parity.crossings
            found["issues"] = self.parity.issues
        return found

    def require(self) -> None:
        """Raise IntegrityError LK658 or ExportError LK509 where anything differs."""
        if self.max_abs_diff:
            raise IntegrityError(
                "LK658",
                where="features of forecasts",
                found=f"stream and batch differ by up to {self.max_abs_diff:.3g}",
                remedy="tell us, with the spec in forecast.json and a few rows that show it",
            )
        if self.parity is not None:
            require_forecasts(self.parity)


def forecast_agreement(ctx: Context) -> ForecastAgreement:
    """The newest issues of the source by both ways; the current bundle against its champion where
    the project keeps it."""
    validated = stages.validate(ctx, stages.read(ctx), scoring=True)
    # the stages of forecasts give what `featurize` of rows does not
    prepared: Prepared = stages.featurize(ctx, validated)  # type: ignore[assignment]
    ctx.progress.stage("parity")
    look = next(iter(prepared.looks.values()))
    if isinstance(look, NearSpec):
        habits = days_of(prepared.panel, look, prepared.cuts.holdout_s).whole
        last = Span(prepared.cuts.holdout_s, prepared.cuts.end_s).instants(look.step_s)[-ISSUES:]
        worst, compared = near_agreement(prepared.panel, look, habits, last)
        return ForecastAgreement(worst, compared, _of_bundle(ctx, prepared))
    worst, compared = 0.0, 0
    matrix = held_out(prepared, ctx.settings)
    for code, (name, spec) in enumerate(prepared.looks.items()):
        assert isinstance(spec, AsOfSpec)
        issues = np.unique(matrix.issue_s[matrix.series == code])[-ISSUES:]
        apart, n = _by_both(prepared.panel.histories[name], spec, issues)
        worst, compared = max(worst, apart), compared + n
    return ForecastAgreement(worst, compared, _of_bundle(ctx, prepared))


def _by_both(history: History, spec: AsOfSpec, issues: np.ndarray) -> tuple[float, int]:
    """Largest difference of a feature, and how many were compared."""
    stream = AsOfStream(spec, np.array([history.typical]))
    told_s, worst, compared = np.iinfo(np.int64).min, 0.0, 0
    for number, issue_s in enumerate(issues):
        if number == len(issues) - 1:
            stream = AsOfStream.from_bytes(spec, stream.to_bytes())
        _tell(stream, history, spec, told_s, int(issue_s))
        told_s = int(issue_s)
        own = features(spec, stream.window(np.zeros(1, dtype=np.int64), int(issue_s)))
        batch = features(spec, history.window(spec, np.array([issue_s])))
        for left, right in ((own.X, batch.X), (own.scale, batch.scale)):
            same = (left == right) | (np.isnan(left) & np.isnan(right))
            if not same.all():
                apart = np.abs(np.nan_to_num(left) - np.nan_to_num(right))[~same].max()
                worst = max(worst, float(apart), float(np.finfo(np.float64).tiny))
            compared += left.size
    return worst, compared


def _tell(stream: AsOfStream, history: History, spec: AsOfSpec, told_s: int, issue_s: int) -> None:
    """Everything that became available after `told_s` and up to the issue, in that order."""
    now = issue_s // spec.step_s
    fresh = (history.y.available_s > told_s) & (history.y.available_s <= issue_s)
    at = np.flatnonzero(fresh & (history.y.step >= now - spec.n_past))
    at = at[np.argsort(history.y.available_s[at], kind="stable")]
    zeros = np.zeros(len(at), dtype=np.int64)
    stream.tell(zeros, history.y.step[at], history.y.value[at])
    for column in spec.known:
        known = history.known[column.name]
        near = (known.step >= now - spec.n_back) & (known.step < now + spec.n_ahead)
        at = np.flatnonzero(near & (known.available_s <= issue_s))
        at = at[np.argsort(known.available_s[at], kind="stable")]
        zeros = np.zeros(len(at), dtype=np.int64)
        stream.tell_known(column.name, zeros, known.step[at], known.value[at])


def _of_bundle(ctx: Context, prepared: Prepared) -> ForecastParity | None:
    """The current bundle against the champion of the latest run; None where there is none.

    Raises IntegrityError LK657 where the kept champion is not the one the bundle was made from.
    """
    version = Registry(ctx.workspace.registry(ctx.solution.name)).current()
    if version is None:
        return None
    asset = ctx.workspace.assets(ctx.solution.name) / "model"
    champion = ForecastFront.load(atomic.resolve(asset) / "value").champion
    asked = str(Bundle.open(version.path).manifest["model_fingerprint"])
    if champion.fingerprint != asked:
        raise IntegrityError(
            "LK657",
            where=f"version {version.number} of {ctx.solution.name}",
            found=f"made from {asked[:12]}, the project keeps {champion.fingerprint[:12]}",
            remedy="the golden windows still prove it: python -m lepton_edge verify BUNDLE",
        )
    matrix = None
    if isinstance(champion.spec, NearSpec) and champion.habits is not None:
        span = Span(prepared.cuts.holdout_s, prepared.cuts.end_s)
        matrix = asked_of(prepared.panel, champion.spec, champion.habits, span, most=MOST_NEAR)
    return check_forecasts(
        champion, version.path, held_out(prepared, ctx.settings) if matrix is None else matrix
    )


__all__ = ["ForecastAgreement", "forecast_agreement"]
