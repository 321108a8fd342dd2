"""The protocols of traffic on made files of the same form as the published ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.errors import DataError
from lepton.progress import Silent
from lepton.solution import BenchRequest
from solutions.traffic_forecasting import bench_los, bench_metr_la
from solutions.traffic_forecasting.bench_metr_la import metr_la, read_wide
from tests.forecast import near_tiny

OPTIONS = {"zone": "America/Los_Angeles", "first": "2012-03-01", "step_min": "5", "channel": "0"}


def speeds() -> np.ndarray:
    """The road of the tests with missing values as zeros."""
    return np.asarray(np.nan_to_num(near_tiny.speeds()[: 6 * 288]))


def csv(folder: Path) -> Path:
    at = pd.date_range("2012-03-01", periods=6 * 288, freq="5min")
    table = pd.DataFrame(speeds(), index=at, columns=[f"77{n}" for n in range(6)])
    table.to_csv(folder / "speed.csv")
    return folder / "speed.csv"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that take a second."""
    from lepton.forecast.families import near_net, near_trees

    for home, name in ((near_trees, "near_trees"), (near_net, "near_net")):
        params = {**home.PARAMS, **near_tiny.SMALL[name]}
        family = home.FAMILIES[name]
        monkeypatch.setitem(
            home.FAMILIES,
            name,
            type(family)(name, family.about, family.fit, params, family.cost, family.available),
        )


@pytest.mark.usefixtures("small")
def test_metr_la_gives_masked_errors_at_steps_3_6_12_and_on_average(tmp_path: Path) -> None:
    told = metr_la(BenchRequest(csv(tmp_path), {}, Silent()))
    metrics, floor = told["metrics"], told["ladder"]["persistence"]
    names = {f"{m}_{at}" for m in ("mae", "rmse", "mape") for at in ("3", "6", "12", "avg")}
    assert set(metrics) == names
    assert metrics["mae_avg"] < floor["mae_avg"]
    y = speeds()
    test = y[int(len(y) * 0.8) + 12 :]
    origins = np.arange(int(len(y) * 0.8) + 12, len(y) - 11)
    last = pd.DataFrame(np.where(y > 0, y, np.nan)).ffill(limit=11).to_numpy()[origins - 1]
    truth = np.where(y[origins + 2] > 0, y[origins + 2], np.nan)
    assert len(test)
    # the floor's own error, counted by hand over what is not 0
    assert floor["mae_3"] == pytest.approx(np.nanmean(np.abs(truth - last)), rel=1e-9)
    assert floor["mape_3"] == pytest.approx(np.nanmean(np.abs(truth - last) / truth) * 100)


def test_the_three_endings_give_the_same_table(tmp_path: Path) -> None:
    np.savez(tmp_path / "pems.npz", data=np.stack([speeds(), 2 * speeds()], axis=2))
    pd.DataFrame(speeds()).to_csv(tmp_path / "bare.csv", index=False)
    first = read_wide(csv(tmp_path), OPTIONS)
    for path in (tmp_path / "pems.npz", tmp_path / "bare.csv"):
        other = read_wide(path, OPTIONS)
        np.testing.assert_allclose(other.to_numpy(), first.to_numpy())
        assert (other.index == first.index).all()
    second = read_wide(tmp_path / "pems.npz", {**OPTIONS, "channel": "1"})
    np.testing.assert_allclose(second.to_numpy(), 2 * first.to_numpy())


def test_hdf5_is_read_or_the_extra_that_reads_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metr-la.h5"
    table = pd.read_csv(csv(tmp_path), index_col=0, parse_dates=True)
    try:
        table.to_hdf(path, key="df")
    except ImportError:
        path.write_bytes(b"\x89HDF\r\n")
        with pytest.raises(DataError, match=r"lepton-kit\[hdf\]"):
            read_wide(path, OPTIONS)
    else:
        np.testing.assert_allclose(read_wide(path, OPTIONS).to_numpy(), speeds())


def test_a_file_of_another_form_is_refused_with_what_it_has(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", other=np.zeros(3))
    with pytest.raises(DataError, match="other"):
        read_wide(tmp_path / "x.npz", OPTIONS)
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(DataError, match="txt"):
        read_wide(tmp_path / "x.txt", OPTIONS)


@pytest.mark.usefixtures("small")
def test_los_gives_every_figure_of_its_protocol(tmp_path: Path) -> None:
    names = [str(770_000 + n) for n in range(6)]
    pd.DataFrame(speeds(), columns=names).to_csv(tmp_path / "los_speed.csv", index=False)
    near = np.eye(6) + 0.5 * (np.eye(6, k=1) + np.eye(6, k=-1))
    pd.DataFrame(near).to_csv(tmp_path / "los_adj.csv", index=False, header=False)
    told = bench_los.los(BenchRequest(tmp_path, {}, Silent()))
    wanted = {"mae_15", "mae_30", "mae_60", "onset_ap", "dead30_15", "dead30_30", "dead30_60"}
    wanted |= {"net_ms", "gbdt_ms", "net_mae_60", "unseen_ratio", "cold_ratio"}
    assert wanted <= set(told["metrics"])
    assert told["metrics"]["mae_60"] < told["ladder"]["persistence"]["mae_60"]
    assert 0 < told["metrics"]["onset_ap"] <= 1
    assert told["metrics"]["unseen_ratio"] < 2
    for family, metric in (("near_net", "net_ms"), ("near_trees", "gbdt_ms")):
        # only what the blend holds is timed
        assert (told["metrics"][metric] is not None) == (family in told["weights"])


def test_an_adjacency_of_other_detectors_is_refused(tmp_path: Path) -> None:
    pd.DataFrame(speeds()).to_csv(tmp_path / "los_speed.csv", index=False)
    pd.DataFrame(np.eye(5)).to_csv(tmp_path / "los_adj.csv", index=False, header=False)
    with pytest.raises(DataError, match="5 x 5 weights for 6 detectors"):
        bench_los.read_los(tmp_path)


def test_the_endings_that_are_read_are_those_that_are_told() -> None:
    assert ".h5, .csv or .npz" in (bench_metr_la.metr_la.__doc__ or "")
