"""Copies of rows without some sensors: what learns from them, and who never sees one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton import roles
from lepton.contracts.model import Extras
from lepton.contracts.odcs import load_contracts
from lepton.copies import copied, joined
from lepton.dataset import Parts, TabularDataset
from lepton.evaluation.grouped import split_by_group
from lepton.features.batch import compute, without_features
from lepton.features.fit import fit_spec
from lepton.features.spec import FeatureSpec, Sensors

CONTRACT = load_contracts(Path(__file__).parents[1] / "data_contracts" / "predictive_maintenance")[
    "telemetry"
]
SENSORS = [f"x_{n}" for n in range(5)]


@pytest.fixture(scope="module")
def dataset() -> TabularDataset:
    """Thirty assets of forty readings; the last five of each have no target."""
    rng = np.random.default_rng(2)
    n, each = 30, 40
    table = pd.DataFrame(rng.normal(size=(n * each, 5)), columns=SENSORS).assign(
        asset_id=np.repeat([f"a{k}" for k in range(n)], each),
        life_id=np.repeat([f"a{k}#0" for k in range(n)], each),
        reading_id=[f"r{k}" for k in range(n * each)],
        event_at=pd.Timestamp("2026-01-01T00:00Z").as_unit("us")
        + pd.to_timedelta(np.tile(np.arange(each), n) * 60 + np.repeat(np.arange(n), each), "min"),
        failed=np.where(np.tile(np.arange(each), n) < 35, rng.random(n * each) < 0.3, np.nan),
    )
    node = Sensors("sensors", by="life_id", fallback="asset_id")
    spec = fit_spec(FeatureSpec((node,)), without_features(table, CONTRACT))
    return compute(table, CONTRACT, spec, Extras())


@pytest.fixture
def parts(dataset: TabularDataset) -> Parts:
    return split_by_group(
        dataset,
        selection_share=0.35,
        holdout_share=0.25,
        min_positives=10,
        rng=np.random.default_rng(0),
    )


def _joined(dataset: TabularDataset, parts: Parts, times: float = 1.0) -> Parts:
    return joined(parts, copied(dataset, parts, times, 0.2, np.random.default_rng(1)))


def test_each_asset_before_the_holdout_is_copied_without_one_of_its_five_sensors(
    dataset: TabularDataset, parts: Parts
) -> None:
    copies = copied(dataset, parts, 1.0, 0.2, np.random.default_rng(1))
    held = set(parts.groups["holdout"])
    assert not held & {*copies["asset_id"]}
    assert len(copies) == len(parts.train) + len(parts.selection)
    seen = copies.groupby("asset_id")[SENSORS].count()
    assert ((seen == 0).sum(axis=1) == 1).all()
    assert copies[SENSORS].isna().to_numpy().mean() == pytest.approx(0.2)
    assert (copies["n_missing"] == 1).all()
    original = dataset.rows.loc[copies.index]
    assert (original["n_missing"] == 0).all()
    np.testing.assert_array_equal(copies["failed"], original["failed"])


def test_features_of_a_copy_are_those_of_readings_that_never_had_the_sensor(
    dataset: TabularDataset, parts: Parts
) -> None:
    copies = copied(dataset, parts, 1.0, 0.2, np.random.default_rng(1))
    asset = copies["asset_id"].iloc[0]
    mine = copies[copies["asset_id"] == asset]
    lost = next(name for name in SENSORS if mine[name].isna().all())
    raw = dataset.rows[dataset.rows["asset_id"] == asset].assign(**{lost: np.nan})
    bare = raw.drop(columns=list(dataset.numeric))
    alone = compute(bare, CONTRACT, FeatureSpec.from_json(dataset.spec), Extras()).rows
    alone = alone.set_index("reading_id")
    own = mine.set_index("reading_id")
    names = list(dataset.numeric)
    pd.testing.assert_frame_equal(own[names], alone.loc[own.index, names])


def test_folds_learn_from_the_copies_of_what_they_learn_from_and_judge_none(
    dataset: TabularDataset, parts: Parts
) -> None:
    more = _joined(dataset, parts)
    for before, fold in zip(parts.folds, more.folds, strict=True):
        pd.testing.assert_frame_equal(fold.valid.rows, before.valid.rows)
        assert len(fold.train) == 2 * len(before.train)
        assert not {*fold.train.rows["asset_id"]} & {*fold.valid.rows["asset_id"]}
        assert fold.train.role(roles.EVENT_AT).is_monotonic_increasing
        assert fold.whole.rows.index.is_unique


def test_a_refit_learns_from_copies_and_the_parts_that_judge_stay_as_they_were(
    dataset: TabularDataset, parts: Parts
) -> None:
    more = _joined(dataset, parts)
    assert len(more.before_holdout()) == 2 * len(parts.before_holdout())
    assert more.before_holdout().rows.index.is_unique
    pd.testing.assert_frame_equal(more.selection.rows, parts.selection.rows)
    held = more.holdout.open("test")
    assert not {*more.before_holdout().rows["asset_id"]} & {*held.rows["asset_id"]}


@pytest.mark.parametrize(("times", "share"), [(0.5, 0.5), (1.0, 1.0), (2.5, 2.5)])
def test_a_fraction_copies_so_many_of_the_assets(
    dataset: TabularDataset, parts: Parts, times: float, share: float
) -> None:
    copies = copied(dataset, parts, times, 0.2, np.random.default_rng(1))
    whole = len(parts.train) + len(parts.selection)
    assert len(copies) == pytest.approx(share * whole, rel=0.05)
    if times > 1:
        assert _joined(dataset, parts, times).before_holdout().rows.index.is_unique


def test_the_same_seed_gives_the_same_copies(dataset: TabularDataset, parts: Parts) -> None:
    one, same, other = (
        copied(dataset, parts, 1.0, 0.2, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one, same)
    assert not one[SENSORS].equals(other[SENSORS])
    assert replace(dataset, rows=one).has(roles.GROUP)
