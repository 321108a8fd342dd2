"""Whether features are what they are defined as, and the deployed bundle what was trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepton import stages
from lepton.compress.front import Front
from lepton.context import Context
from lepton.errors import IntegrityError
from lepton.export.parity import Parity, check, require
from lepton.features.parity import FeatureParity, feature_parity
from lepton.registry.store import Registry, Version
from lepton_edge import atomic

FEATURE_TOLERANCE = 1e-9
"""Largest |a - b| / max(1, |a|) between two engines of one feature (DESIGN, decision 3)."""


@dataclass(frozen=True)
class Agreement:
    """Features against definition and twin, and the current version's bundle against its model.

    version, graph: None where nothing is deployed yet.
    """

    features: FeatureParity
    version: Version | None
    graph: Parity | None

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
    version = Registry(ctx.workspace.registry(ctx.solution.name)).current()
    front = _trained(ctx, version) if version else None
    validated = stages.validate(ctx, stages.read(ctx), scoring=True)
    table = validated.tables[ctx.solution.task.table].head(rows)
    ctx.progress.stage("parity")
    features = feature_parity(
        table, ctx.contract, ctx.solution.features, ctx.extras, seed=ctx.config.seed
    )
    if version is None or front is None:
        return Agreement(features, None, None)
    dataset = stages.featurize(ctx, validated)
    last = dataset.take(np.arange(max(len(dataset) - rows, 0), len(dataset)))
    return Agreement(features, version, check(front.model, version.path, last))


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


__all__ = ["FEATURE_TOLERANCE", "Agreement", "agreement"]
