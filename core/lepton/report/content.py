"""What a report is made from: facts of one run, gathered by its stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from lepton import roles
from lepton.dataset import Parts, SwitchedOff
from lepton.evaluation.extremes import ScoreThreshold
from lepton.evaluation.results import Evaluation
from lepton.forecast.decomposition import Decomposition
from lepton.forecast.spec import Page
from lepton.report.near_facts import NearFacts
from lepton.solution import Figure, ReportSpec


@dataclass(frozen=True)
class PartFact:
    """One part of the split: rows, positives, first and last event (UTC; None where empty)."""

    name: str
    rows: int
    positives: int
    first_at: pd.Timestamp | None
    last_at: pd.Timestamp | None


@dataclass(frozen=True)
class DataFacts:
    """The data as they were found.

    violations, notes: one line each; quarantined: table -> rows; parts in the order of time;
    dropped: reason -> rows left out by the split. rules: one row a rule of the contract: table,
    column, rule, severity, passed, broken. absent: (column, what that costs) of each optional
    column that was not delivered. calendar: as `calendar.daily` makes it; delay_days: until 95 %
    of the labels were known. drift: as `evaluation.stability` tells it, train against holdout.
    """

    violations: Sequence[str] = ()
    quarantined: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    switched_off: Sequence[SwitchedOff] = ()
    parts: Sequence[PartFact] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    rules: pd.DataFrame = field(default_factory=pd.DataFrame)
    absent: Sequence[tuple[str, str]] = ()
    calendar: pd.DataFrame = field(default_factory=pd.DataFrame)
    delay_days: float | None = None
    drift: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class ModelFacts:
    """How the model was chosen.

    leaderboard: name, family, score, folds, seconds, note; the best first. front: one row an
    artefact: name, kind, score, low, high, loss, bound, bytes, us_per_row, accepted, control,
    chosen, why (all on the selection part; a control is another artefact's shape trained from
    scratch). importance: feature, share. notes: one sentence each. trials: family, score, seconds,
    raced_out (given up after its first folds, so without a score), in the order they ended.
    folds: as `folds.fold_frame` makes it. blend: member, family, weight. budget: what was allowed
    and spent, in words.
    """

    metric: str
    leaderboard: pd.DataFrame = field(default_factory=pd.DataFrame)
    front: pd.DataFrame = field(default_factory=pd.DataFrame)
    importance: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: Sequence[str] = ()
    trials: pd.DataFrame = field(default_factory=pd.DataFrame)
    folds: pd.DataFrame = field(default_factory=pd.DataFrame)
    blend: pd.DataFrame = field(default_factory=pd.DataFrame)
    budget: str = ""


@dataclass(frozen=True)
class CleaningFacts:
    """What was changed in the history.

    counts: series, reason, values, of which a stand-in was put in for how many; worst: series, ts,
    before, after, changed, of the stretch in which most was changed; points: series, ts, reason,
    before, after, the first of all; total: how many were changed of how many; unjudged: values of
    the holdout that are not judged by, by reason; link: the file that lists every one.
    """

    counts: pd.DataFrame
    worst: pd.DataFrame
    points: pd.DataFrame
    total: tuple[int, int]
    unjudged: Mapping[str, int]
    link: str


@dataclass(frozen=True)
class CoherenceFacts:
    """How forecasts of a network add up.

    method: how batches are reconciled; methods: method, loss and roots on the selection and on the
    holdout, gap (largest between a node's median and the sum of its parts); nodes: node, parts,
    error direct and reconciled, ratio, crps_ratio; gap: before and after, in the unit; notes: one
    sentence each, of sums that are stated and do not hold.
    """

    method: str
    methods: pd.DataFrame
    nodes: pd.DataFrame
    gap: tuple[float, float]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class ForecastFacts:
    """What a report of forecasts says beside the rest.

    unit: of the series; rungs: name, loss, low, high, vs_before, as each step of the ladder;
    series: one row a series; response: part, at, low,
    middle, high; sums: parent, children, coherence; sums_told: what they mean; again: ahead_h,
    before, after, coverage80 of forecasts made again during the day; limits: one sentence each.
    cleaning: what was changed in the history; coherence: how sums are kept, None without any;
    decomposition: of the total, or why there is none; own_error: the bundle's error of the same
    series by its size; pages: what the domain adds; near: of the next minutes of a network only.
    """

    unit: str = ""
    rungs: pd.DataFrame = field(default_factory=pd.DataFrame)
    series: pd.DataFrame = field(default_factory=pd.DataFrame)
    response: pd.DataFrame = field(default_factory=pd.DataFrame)
    sums: pd.DataFrame = field(default_factory=pd.DataFrame)
    sums_told: str = ""
    again: pd.DataFrame = field(default_factory=pd.DataFrame)
    limits: Sequence[str] = ()
    cleaning: CleaningFacts | None = None
    coherence: CoherenceFacts | None = None
    near: NearFacts | None = None
    decomposition: Decomposition | str = ""
    own_error: float | None = None
    pages: Sequence[Page] = ()


@dataclass(frozen=True)
class RecommendFacts:
    """What a report of recommendations says beside the rest.

    segments: one row a segment of customers and mode; beyond: one row a mode, what lists do beside
    hitting; prices: one row a rule and mode; examples: one row a listed item of some customers;
    together, due: the first rows of each list; sold: (items,) how many customers took each item,
    shown: how many lists hold it; device: what a device's graph is and costs; funnel: sentences.
    """

    segments: pd.DataFrame = field(default_factory=pd.DataFrame)
    beyond: pd.DataFrame = field(default_factory=pd.DataFrame)
    prices: pd.DataFrame = field(default_factory=pd.DataFrame)
    examples: pd.DataFrame = field(default_factory=pd.DataFrame)
    together: pd.DataFrame = field(default_factory=pd.DataFrame)
    due: pd.DataFrame = field(default_factory=pd.DataFrame)
    sold: np.ndarray = field(default_factory=lambda: np.empty(0))
    shown: np.ndarray = field(default_factory=lambda: np.empty(0))
    device: Mapping[str, str] = field(default_factory=dict)
    recall: Mapping[str, float] = field(default_factory=dict)
    limits: Sequence[str] = ()


@dataclass(frozen=True)
class ReportContent:
    """All that one report says.

    headline: names of the metrics on the cards, in order; those the evaluation lacks are skipped.
    environment: what it was made with (versions, machine, threads, seed, fingerprints); card:
    what the bundle is. simulated: whether the data come from a simulator, so that scores mean
    little elsewhere. slices: columns of the scored rows by which results are told apart.
    costs: name -> money behind the decision. links: text -> relative path of pages beside the
    report (Data Docs). is_grouped: whether parts and folds are groups, not stretches of time.
    is_timed: whether rows came with an instant, so that dates and days mean something. why:
    what was learnt in place of what was asked for, and why, a sentence; threshold: of a distance
    from health, where that is what is judged; forecast, recommend: of those only.
    """

    title: str
    subtitle: str
    customer: str
    run_id: str
    kit_version: str
    made_at: datetime
    data: DataFacts
    model: ModelFacts
    evaluation: Evaluation
    figures: Sequence[Figure] = ()
    headline: Sequence[str] = (
        "ndcg10_all",
        "ndcg10_new",
        "hit10_all",
        "recall20_all",
        "edge_ndcg10_all",
        "rcrps",
        "wape",
        "mase",
        "coverage80",
        "ap",
        "auc",
        "alarms_per_month",
        "alarms_per_thousand",
        "failures_warned",
        "warned_ahead_h",
        "alert_share",
        "rmse",
        "mae",
        "recall",
        "precision",
        "ece",
        "net_savings",
    )
    environment: Mapping[str, str] = field(default_factory=dict)
    card: Mapping[str, str] = field(default_factory=dict)
    simulated: bool = False
    slices: Sequence[str] = ()
    spec: ReportSpec = field(default_factory=ReportSpec)
    costs: Mapping[str, float] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    is_grouped: bool = False
    forecast: ForecastFacts | None = None
    recommend: RecommendFacts | None = None
    is_timed: bool = True
    why: str = ""
    threshold: ScoreThreshold | None = None

    @property
    def is_watch(self) -> bool:
        """Whether oddness is judged, and no outcome."""
        return self.threshold is not None

    @property
    def is_share(self) -> bool:
        """Whether targets are shares between 0 and 1, not outcomes."""
        return not self.evaluation.scored["target"].isin((0.0, 1.0)).all()

    @property
    def drawn(self) -> str:
        """What intervals draw as a whole: the domain's word for groups, or days."""
        return self.spec.words.entities if roles.GROUP in self.evaluation.scored else "days"


def part_facts(parts: Parts, evaluation: Evaluation) -> tuple[PartFact, ...]:
    """Train, selection and holdout as the report shows them; the holdout from its one read."""
    events = {
        "train": parts.train.role("event_at"),
        "selection": parts.selection.role("event_at"),
        "holdout": evaluation.scored["event_at"],
    }
    return tuple(
        PartFact(
            name,
            *parts.counts[name],
            first_at=event.min() if len(event) else None,
            last_at=event.max() if len(event) else None,
        )
        for name, event in events.items()
    )


__all__ = [
    "CleaningFacts",
    "CoherenceFacts",
    "DataFacts",
    "ForecastFacts",
    "ModelFacts",
    "PartFact",
    "RecommendFacts",
    "ReportContent",
    "part_facts",
]
