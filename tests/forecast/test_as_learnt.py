"""A batch is of the series that a bundle was made for, whatever is delivered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton.errors import FeatureError
from lepton.forecast.built import built
from lepton.forecast.panel import PanelDataset
from lepton.nearcasting import as_learnt
from lepton_edge.bundle import open_bundle
from lepton_edge.forecast_plan import read_plan
from tests.forecast import near_tiny

LOOKS = near_tiny.prepared().looks


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return near_tiny.bundle(tmp_path_factory.mktemp("known"))


def named(old: str, new: str | None) -> PanelDataset:
    """The road with a detector under another name, or without it."""
    panel = near_tiny.panel()
    frames = []
    for frame in (panel.rows, panel.series):
        kept = frame if new is not None else frame[frame["series_id"] != old]
        frames.append(kept.assign(series_id=kept["series_id"].replace({old: new or old})))
    return replace(panel, rows=frames[0], series=frames[1])


def test_the_same_series_stay_as_they_are(bundle: Path) -> None:
    panel = near_tiny.panel()
    assert as_learnt(bundle, panel, LOOKS) == (panel, LOOKS, ())


@pytest.mark.parametrize(("new", "strange"), [(None, ()), ("x9", ("x9",))])
def test_one_that_is_gone_has_no_reading_and_moves_no_other(
    bundle: Path, new: str | None, strange: tuple[str, ...]
) -> None:
    panel, looks, unknown = as_learnt(bundle, named("d2", new), {"d0": LOOKS["d0"]})
    assert (panel.ids, unknown) == (near_tiny.IDS, strange)
    plan = read_plan(open_bundle(bundle))
    assert plan.habits is not None
    at = np.array([near_tiny.at(7.4) // 300 * 300], dtype=np.int64)
    found = built(panel, looks, dict.fromkeys(near_tiny.IDS, at), plan.habits)
    gone = near_tiny.panel()
    silent = replace(gone, rows=gone.rows.assign(
        y=gone.rows["y"].mask(gone.rows["series_id"] == "d2")))  # fmt: skip
    wanted = built(silent, LOOKS, dict.fromkeys(near_tiny.IDS, at), plan.habits)
    np.testing.assert_array_equal(found.X, wanted.X)
    np.testing.assert_array_equal(found.shape, wanted.shape)


def test_a_bundle_of_other_series_is_refused(bundle: Path) -> None:
    panel = near_tiny.panel()
    strange = replace(
        panel,
        rows=panel.rows.assign(series_id="q" + panel.rows["series_id"]),
        series=panel.series.assign(series_id="q" + panel.series["series_id"]),
    )
    with pytest.raises(FeatureError, match=r"LK304 .*knows none of them \(e.g. qd0\)"):
        as_learnt(bundle, strange, LOOKS)
