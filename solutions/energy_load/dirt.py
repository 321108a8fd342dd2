"""Faults of meters put into a clean history, and what was true before: to judge who cleans it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

KINDS: Final = ("gap", "stuck", "spike", "zero")


@dataclass(frozen=True)
class Amounts:
    """Faults of each kind that a meter has in a day, on average; 0 for none."""

    gaps: float = 0.0
    stuck: float = 0.0
    spikes: float = 0.0
    zeros: float = 0.0


DIRTY: Final = Amounts(gaps=1 / 12, stuck=1 / 20, spikes=1 / 4, zeros=1 / 20)
"""A history that nobody has looked after: about one value in twenty is wrong or missing."""


@dataclass(frozen=True)
class Soiled:
    """load: the table with faults in it. log: one row a fault: meter_id, kind, started_at, ended_at
    (both intervals included). points: one row a value that was changed or taken away: meter_id,
    event_at, kind, true_kw."""

    load: pd.DataFrame
    log: pd.DataFrame
    points: pd.DataFrame


def soil(
    rng: np.random.Generator,
    load: pd.DataFrame,
    amounts: Amounts,
    *,
    zeros_on: Collection[str] | None = None,
    spared: Collection[str] = (),
) -> Soiled:
    """`load` with faults of every kind that `amounts` asks for, no value with two of them.

    load: meter_id, event_at, power_kw, clean and regular. zeros_on: the meters that are read as 0
    at times, all where None; solar power is 0 each night, so that nobody could tell. spared: the
    meters that have no faults.
    """
    ordered = load.sort_values(["meter_id", "event_at"], kind="stable")
    values = ordered["power_kw"].to_numpy(copy=True)
    kind = np.full(len(values), -1)
    log = []
    first = 0
    for meter_id, rows in ordered.groupby("meter_id", sort=True):
        mine = slice(first, first + len(rows))
        step_h = _step_h(rows["event_at"])
        own = Amounts() if meter_id in spared else amounts
        zeros = own.zeros if zeros_on is None or meter_id in zeros_on else 0.0
        for number, begin, end in _episodes(rng, len(rows), step_h, own, zeros):
            if (kind[mine][begin:end] >= 0).any() or end > len(rows):
                continue
            if _spoil(rng, values[mine], KINDS[number], begin, end):
                kind[mine][begin:end] = number
                at = rows["event_at"].iloc[[begin, end - 1]]
                log.append((meter_id, KINDS[number], at.iloc[0], at.iloc[1]))
        first += len(rows)
    return _soiled(load, ordered, values, kind, log)


def _step_h(at: pd.Series) -> float:
    return float(at.diff().dt.total_seconds().median()) / 3_600 if len(at) > 1 else 1.0


def _episodes(
    rng: np.random.Generator, n: int, step_h: float, amounts: Amounts, zeros: float
) -> list[tuple[int, int, int]]:
    """Number of the kind, first and one behind the last value of each fault, as they are drawn."""
    days = n * step_h / 24
    found = []
    rates = (amounts.gaps, amounts.stuck, amounts.spikes, zeros)
    for number, (rate, usual_h, most_h) in enumerate(
        zip(rates, (3.0, 8.0, 0.0, 3.0), (30.0, 22.0, 0.0, 12.0), strict=True)
    ):
        for begin in rng.integers(1, max(n, 2), rng.poisson(rate * days)).tolist():
            hours = min(max(float(rng.exponential(usual_h)), 5.0 if number == 1 else 1.0), most_h)
            length = max(round(hours / step_h), 1)
            found.append((number, begin, begin + length))
    return found


def _spoil(rng: np.random.Generator, values: np.ndarray, kind: str, begin: int, end: int) -> bool:
    """Put one fault into the values; False, and nothing changed, where nobody could see it."""
    true = values[begin:end].copy()
    # behind a gap nothing is repeated, and a meter that was at 0 all night is not stuck at 0
    if kind == "stuck" and (np.isnan(values[begin - 1]) or not true.any()):
        return False
    if kind == "gap":
        values[begin:end] = np.nan
    elif kind == "stuck":
        values[begin:end] = values[begin - 1]
    elif kind == "zero":
        values[begin:end] = 0.0
    else:
        usual = float(np.nanmedian(np.abs(values)))
        far = usual * float(rng.uniform(1.5, 4.0))
        values[begin:end] = np.round(true + (far if rng.random() < 0.7 else -far), 1)
    return bool((values[begin:end] != true).any())


def _soiled(
    load: pd.DataFrame,
    ordered: pd.DataFrame,
    values: np.ndarray,
    kind: np.ndarray,
    log: Sequence[tuple[object, str, pd.Timestamp, pd.Timestamp]],
) -> Soiled:
    spoilt = kind >= 0
    points = ordered.loc[spoilt, ["meter_id", "event_at"]].assign(
        kind=np.array(KINDS)[kind[spoilt]], true_kw=ordered["power_kw"][spoilt]
    )
    dirty = load.assign(power_kw=pd.Series(values, index=ordered.index))
    gone = ordered.index[kind == KINDS.index("gap")]
    frame = pd.DataFrame(log, columns=["meter_id", "kind", "started_at", "ended_at"])
    return Soiled(
        dirty.drop(index=gone).reset_index(drop=True),
        frame.sort_values(["meter_id", "started_at"], ignore_index=True),
        points.astype({"kind": "str"}).reset_index(drop=True),
    )


__all__ = ["DIRTY", "KINDS", "Amounts", "Soiled", "soil"]
