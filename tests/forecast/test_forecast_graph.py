"""Every family as ONNX is the family itself, and a stored champion is the same champion."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import onnxruntime as ort
import pytest

from lepton.automl.families.lightgbm import Boosted
from lepton.errors import ExportError, IntegrityError
from lepton.export.static_check import check_static
from lepton.forecast.champion import CHAMPION, Champion
from lepton.forecast.ensemble import Weights
from lepton.forecast.families.base import readable
from lepton.forecast.families.gbdt import Base, BoostedPoint
from lepton.forecast.families.linear import fit_location
from lepton.forecast.families.spread import fit_spread
from lepton.forecast.graph import fallback_onnx, to_onnx
from lepton.forecast.matrix import Matrix
from tests.forecast import tiny


def run(content: bytes, champion: Champion, matrix: Matrix) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    whole = {
        "X": matrix.X,
        "shape": matrix.shape,
        "scale": matrix.scale,
        "row": matrix.series.astype(np.int64),
        "factor": champion.factors(matrix),
    }
    return list(session.run(None, {node.name: whole[node.name] for node in session.get_inputs()}))


def apart(found: np.ndarray, wanted: np.ndarray, matrix: Matrix) -> float:
    return float((np.abs(found - wanted) / matrix.scale[:, None, None]).max())


def with_holes(matrix: Matrix, share: float = 0.2) -> Matrix:
    X = matrix.X.copy()
    gone = np.random.default_rng(2).random(X.shape) < share
    gone[..., : matrix.names.index("last_1")] = False
    X[gone] = np.nan
    return replace(matrix, X=X)


@pytest.mark.parametrize("name", tiny.DEVICE)
def test_each_family_gives_the_same_deciles_through_onnx(name: str) -> None:
    champion = tiny.champion((name,))
    content = to_onnx(champion)
    check_static(content)
    for matrix in (tiny.matrix(), with_holes(tiny.matrix())):
        blend, quantiles = run(content, champion, matrix)
        limit = 1e-6 if name == "net" else 1e-10
        assert apart(blend, champion.blend(matrix), matrix) < limit
        assert apart(quantiles, champion.quantiles(matrix), matrix) < limit
        assert (np.diff(quantiles, axis=-1) >= 0).all()


def test_trees_on_a_linear_forecast_read_how_far_it_moved() -> None:
    matrix = tiny.matrix()
    located = fit_location(matrix)
    base = Base(located.location, readable(matrix))
    start = base.point(matrix)
    target = (matrix.target - start).ravel()
    known = np.isfinite(target)
    rows = base.rows(matrix, start)[known]
    settings = {"objective": "l2", "verbosity": -1, "num_threads": 1}
    grown = lightgbm.train(settings, lightgbm.Dataset(rows, target[known]), 15)
    trees, spread = Boosted(grown.model_to_string()), fit_spread(matrix, located.errors, 0)
    assert grown.feature_importance()[-1] > 0, "the column of the linear forecast is read"
    champion = tiny.champion(("linear",))
    champion = replace(champion, members={"linear": BoostedPoint(base, trees, spread)})
    blend = run(to_onnx(champion), champion, matrix)[0]
    assert apart(blend, champion.blend(matrix), matrix) < 1e-10


@pytest.mark.parametrize(("step_s", "n_leads", "first_lead"), [(1_800, 100, 5), (3_600, 30, 14)])
def test_networks_and_splines_keep_to_it_on_longer_horizons_and_shorter_intervals(
    step_s: int, n_leads: int, first_lead: int
) -> None:
    champion = tiny.champion(("linear", "net"), step_s, n_leads, first_lead)
    matrix = tiny.matrix(step_s, n_leads, first_lead)
    assert apart(
        run(to_onnx(champion), champion, matrix)[1], champion.quantiles(matrix), matrix
    ) < (1e-6)


def test_weights_and_widths_differ_by_series_and_a_new_one_has_their_mean() -> None:
    champion = tiny.champion(("linear", "seasonal_naive"), 3_600, 60, 0)
    share = np.random.default_rng(3).random((2, 4, 1))
    shares, width = np.concatenate([share, 1 - share], axis=-1), np.array([0.4, 2.0])
    champion = replace(champion, weights=Weights(champion.weights.names, shares, width))
    matrix = tiny.matrix(3_600, 60, 0)
    strange = replace(matrix, series=np.where(np.arange(len(matrix)) % 3 == 0, 2, matrix.series))
    blend = run(to_onnx(champion), champion, strange)[0]
    assert apart(blend, champion.blend(strange), strange) < 1e-10
    assert apart(blend, champion.blend(matrix), matrix) > 1e-4


def test_what_stands_in_is_a_graph_of_its_own() -> None:
    champion, matrix = tiny.champion(), with_holes(tiny.matrix())
    told = run(fallback_onnx(champion), champion, matrix)
    for name, found in zip(champion.fallbacks, told, strict=True):
        assert apart(found, champion.fallback(name, matrix), matrix) < 1e-10


def test_a_forecaster_without_a_graph_is_refused_by_name() -> None:
    class Prophet:
        def quantiles(self, matrix: Matrix) -> np.ndarray:
            return np.zeros((len(matrix), matrix.n_leads, 9))

    champion = tiny.champion(("linear",))
    champion = replace(champion, members={"linear": Prophet()})
    with pytest.raises(ExportError, match=r"LK508.*\n?.*Prophet has no graph"):
        to_onnx(champion)


def test_the_same_champion_gives_the_same_bytes() -> None:
    assert to_onnx(tiny.champion()) == to_onnx(tiny.champion())


def test_a_stored_champion_is_the_same_champion(tmp_path: Path) -> None:
    champion = tiny.champion(tiny.DEVICE)
    champion.save(tmp_path / "champion")
    found = Champion.load(tmp_path / "champion")
    assert found.fingerprint == champion.fingerprint
    assert np.array_equal(found.quantiles(tiny.matrix()), champion.quantiles(tiny.matrix()))
    assert to_onnx(found) == to_onnx(champion)


@pytest.mark.parametrize("name", [CHAMPION, "arrays.npz", "trees-0.txt"])
def test_a_damaged_champion_is_refused_before_it_is_parsed(tmp_path: Path, name: str) -> None:
    tiny.champion().save(tmp_path / "champion")
    for place in ("cut", "changed"):
        folder = tmp_path / place
        shutil.copytree(tmp_path / "champion", folder)
        raw = (folder / name).read_bytes()
        broken = raw[: len(raw) // 2]
        if place == "changed":
            at = len(raw) // 2
            broken = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        (folder / name).write_bytes(broken)
        with pytest.raises(IntegrityError, match="LK656"):
            Champion.load(folder)


def test_members_that_are_left_out_give_their_weight_to_the_others() -> None:
    champion = tiny.champion(("linear", "lightgbm", "seasonal_naive"))
    left = champion.without(["lightgbm"])
    assert left.weights.names == ("linear", "seasonal_naive")
    assert np.allclose(left.weights.by_cell, 0.5)
    assert left.fingerprint != champion.fingerprint
