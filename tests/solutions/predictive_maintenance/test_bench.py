"""The protocols of C-MAPSS and AI4I on small files of their shape, through the product's path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.errors import ConfigError
from lepton.progress import Silent
from lepton.solution import BenchRequest
from solutions.predictive_maintenance.bench import CAP, _phm08, cmapss, read_fleet
from solutions.predictive_maintenance.bench_ai4i import ai4i


def fleet_files(folder: Path, *, units: int = 12) -> None:
    """A tiny FD001: one sensor that rises with wear, one that says nothing, units of their own
    length; test units are cut somewhere."""
    rng = np.random.default_rng(0)
    parts: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    left = []
    for name in parts:
        for unit in range(1, units + 1):
            length = int(rng.integers(60, 120))
            cut = length if name == "train" else int(rng.integers(20, length))
            cycle = np.arange(1, cut + 1)
            wear = np.exp((cycle - length) / 25.0)
            values = rng.normal(0, 0.05, (cut, 24))
            values[:, 3] += wear
            parts[name].append(np.column_stack([np.full(cut, unit), cycle, values]))
            left += [length - cut] if name == "test" else []
    for name, frames in parts.items():
        np.savetxt(folder / f"{name}_FD001.txt", np.vstack(frames), fmt="%.4f")
    np.savetxt(folder / "RUL_FD001.txt", np.array(left), fmt="%d")


@pytest.mark.slow
def test_cmapss_tells_all_that_its_protocol_promises(tmp_path: Path) -> None:
    fleet_files(tmp_path)
    found = cmapss(BenchRequest(tmp_path, {"work_units": "4"}, Silent()))
    wanted = {"rmse_clipped", "rmse_unclipped", "phm08_clipped", "rmse_clipped_age_blind"}
    assert wanted | {"coverage90", "width90", "coverage90_test"} == set(found["metrics"])
    assert found["metrics"]["rmse_clipped"] < 25.0  # the mean of the lives is 30 off
    assert [one["age"] for one in found["chosen"]] == ["aware", "blind"] * 3
    low, high = found["intervals"]["rmse_clipped"]
    assert low <= found["metrics"]["rmse_clipped"] <= high


def test_a_fleet_in_parquet_never_shows_what_is_left(tmp_path: Path) -> None:
    frame = pd.DataFrame({"unit_id": [1], "cycle": [1], "rul": [9], "op_setting_1": [0.0]})
    for name in ("train", "test"):
        frame.to_parquet(tmp_path / f"{name}_FD002.parquet")
    (tmp_path / "RUL_FD002.txt").write_text("9\n", encoding="utf-8")
    fleet = read_fleet(tmp_path, "FD002")
    assert list(fleet.train.columns) == ["unit", "cycle", "setting_1"]
    assert fleet.left.tolist() == 9.0


def test_late_predictions_cost_more_than_early_ones() -> None:
    true = np.array([50.0])
    assert _phm08(true + 10, true) == pytest.approx(np.e - 1)
    assert _phm08(true - 13, true) == pytest.approx(np.e - 1)
    assert CAP == 125.0


def test_an_unknown_set_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LK112 --set set: set can't be 'FD003'; did you mean"):
        cmapss(BenchRequest(tmp_path, {"set": "FD003"}, Silent()))


@pytest.mark.slow
def test_ai4i_pools_what_folds_did_not_see(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 1500
    torque, speed = rng.normal(40, 10, n), rng.normal(1500, 150, n)
    power = torque * speed
    frame = pd.DataFrame(
        {
            "UDI": np.arange(1, n + 1),
            "Product ID": [f"M{k}" for k in range(n)],
            "Type": rng.choice(["L", "M", "H"], n),
            "Air temperature [K]": rng.normal(300, 2, n),
            "Process temperature [K]": rng.normal(310, 1.5, n),
            "Rotational speed [rpm]": speed,
            "Torque [Nm]": torque,
            "Tool wear [min]": rng.integers(0, 240, n),
            "Machine failure": (power > np.quantile(power, 0.95)).astype(int),
        }
    )
    frame.to_csv(tmp_path / "ai4i.csv", index=False)
    found = ai4i(BenchRequest(tmp_path / "ai4i.csv", {"work_units": "2"}, Silent()))
    assert found["metrics"]["ap"] > 0.8
    assert found["metrics"]["f1"] > 0.6
    assert len(found["by_seed"]) == 3
