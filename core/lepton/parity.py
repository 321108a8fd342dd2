"""Whether what is deployed still equals what was trained, on a customer's own rows."""

from __future__ import annotations

import numpy as np

from lepton import stages
from lepton.compress.front import Front
from lepton.context import Context
from lepton.errors import IntegrityError
from lepton.export.parity import Parity, check
from lepton.registry.store import Registry, Version
from lepton_edge import atomic


def graph_parity(ctx: Context, rows: int) -> tuple[Version, Parity]:
    """The current version's bundle against its trained model on the source's last `rows` rows.

    Rows made to be difficult (on thresholds, missing, unseen) and golden rows come on top.
    Raises IntegrityError LK640 where nothing is current, LK641 where the trained model that
    the project keeps is not the one the bundle was made from.
    """
    version = _current(ctx)
    front = _trained(ctx, version)
    validated = stages.validate(ctx, stages.read(ctx), scoring=True)
    dataset = stages.featurize(ctx, validated)
    ctx.progress.stage("parity")
    last = dataset.take(np.arange(max(len(dataset) - rows, 0), len(dataset)))
    return version, check(front.model, version.path, last)


def _current(ctx: Context) -> Version:
    version = Registry(ctx.workspace.registry(ctx.solution.name)).current()
    if version is None:
        raise IntegrityError(
            "LK640",
            where=f"registry of {ctx.solution.name}",
            found="no version is current: there is nothing to compare",
            remedy=f"run `lepton run {ctx.solution.name}`, or `lepton promote` a version",
        )
    return version


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


__all__ = ["graph_parity"]
