"""What compression takes off a network of a million parameters, by the product's own `compress`.

The network is trained on the fraud matrix (the sample, or the Handbook's transactions where
they are given), then pruned, taught again by out-of-fold scores and put into int8 with the default
limits, judged by AUC. Both sides of every ratio are measured in this run, taking turns.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from lepton import stages
from lepton.automl.budget import Budget, Spent
from lepton.automl.entrant import Entrant
from lepton.automl.families import family
from lepton.automl.fits import Bench, pooled
from lepton.automl.leaderboard import Leaderboard
from lepton.automl.machine import quiet_and_single_threaded
from lepton.automl.trial import Plan
from lepton.compress.front import Artefact, Front
from lepton.compress.select import Limits, compress
from lepton.context import make_context
from lepton.dataset import Parts, TabularDataset, TimeFold
from lepton.evaluation.metrics import METRICS
from lepton.evaluation.splits import SplitSpec, split_in_time
from lepton.graph.nodes import Preprocess
from lepton.graph.pipeline import Branch, Graph
from lepton.graph.timing import Timing, time_graphs
from lepton.progress import Silent
from lepton.solution import Project
from solutions.fraud_detection import SOLUTION
from solutions.fraud_detection.bench import MAPPING, SETTINGS

ROOT = Path(__file__).parents[2]
HIDDEN = (704, 960, 320)
SPLIT = SplitSpec(selection_share=0.5, holdout_share=0.05)
"""A long selection part, judged as one window: a bound needs positives, a fit of a million
parameters minutes."""
DATA = "LEPTON_BENCH_TRANSACTIONS"


def fraud_matrix(data: Path | None, rows: int) -> TabularDataset:
    """The sample's featurized rows, or those of the first `rows` of the Handbook's transactions."""
    with tempfile.TemporaryDirectory(prefix="lepton-bench-") as name:
        scratch, config = Path(name), None
        if data is not None:
            head = scratch / "transactions.parquet"
            pd.read_parquet(data).head(rows).to_parquet(head)
            (scratch / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
            config = scratch / "solution.yaml"
            settings = SETTINGS.format(data=f'"{head}"', work_units=4, seed=0)
            config.write_text(settings, encoding="utf-8")
        project = Project(ROOT, {SOLUTION.name: SOLUTION}, state=scratch)
        ctx = make_context(project, SOLUTION.name, run_id="compression", config_path=config)
        return stages.featurize(ctx, stages.validate(ctx, stages.read(ctx)))


def searched(parts: Parts, hidden: Sequence[int], seed: int = 0) -> Leaderboard:
    """A leaderboard whose only entrant is one network, fitted on every fold."""
    kind, metric = family("net"), METRICS["auc"]
    changes = {"hidden": list(hidden), "learning_rate": 0.001, "weight_decay": 0.01}
    plan = Plan("net", {**kind.portfolio[0], **changes})
    bench = Bench(parts.folds, seed, time.monotonic)
    fits = []
    for place in range(len(parts.folds)):
        bench.prepare("net", place)
        fits.append(bench.run(plan, place))
    models = tuple(fit.model for fit in fits if fit.model is not None)
    margins = tuple(fit.margin for fit in fits if fit.margin is not None)
    score = metric.of(pooled(parts.folds, margins))
    entrant = Entrant("net", models, margins, score)
    budget = Budget(work_units=len(fits))
    return Leaderboard("auc", (), {}, entrant, entrant, {}, budget, Spent(0.0, len(fits)), seed)


def compressed(parts: Parts, board: Leaderboard) -> Front:
    """Its front under the default limits."""
    rng = np.random.default_rng(0)
    return compress(
        board, parts, Limits(), METRICS["auc"], lambda rows, score: 0.5, Silent(), rng=rng
    )


def alone(front: Front, names: Sequence[str]) -> dict[str, tuple[int, Timing]]:
    """Bytes and cost of the bare networks, whose matrix is preprocessed already."""
    rng = np.random.default_rng(0)
    graphs = {}
    for name in names:
        (branch,) = front.artefacts[name].model.graph().branches
        width = branch.predictor.width
        bare = Branch(Preprocess(width), branch.predictor)
        columns = tuple(f"c{place}" for place in range(width))
        model = front.artefacts[name].model
        graphs[name] = Graph(columns, (), (bare,), model.calibration, 0.5).to_onnx()
    matrix = np.clip(rng.normal(size=(1024, width)), -3, 3)
    timings = time_graphs(graphs, matrix, np.empty((1024, 0), dtype=object))
    return {name: (len(graphs[name]), timings[name]) for name in names}


def told(front: Front) -> Iterator[str]:
    """One line an artefact, then the ratios of the chosen one against the float32 base."""
    yield f"{'artefact':<30}{'AUC':>7}{'bound':>9}{'bytes':>11}{'row us':>9}{'batch us':>10}  why"
    for one in sorted(front.artefacts.values(), key=lambda one: -one.bytes):
        yield _line(one)
    chosen, base = front.artefacts[front.chosen], front.artefacts["best"]
    yield ""
    yield f"chosen {chosen.name}: AUC-loss bound {chosen.loss_bound:+.4f} (limit 0.005)"
    networks = [a for a in front.artefacts.values() if a.kind == "network" and a.accepted]
    shown = [chosen, *sorted(networks, key=lambda a: a.bytes)[:1]]
    bare = alone(front, ["best", *(one.name for one in shown)])
    for one in shown:
        control = "none" if one.control_score is None else f"AUC {one.control_score:.4f}"
        yield f"{one.name}: AUC {one.score:.4f}; base {base.score:.4f}; from scratch: {control}"
        yield f"{'ratio against own fp32':<30}{'size':>10}{'batch 1024':>12}{'one row':>10}"
        yield _ratios("network alone", *bare["best"], *bare[one.name])
        yield _ratios("whole graph", base.bytes, base.timing, one.bytes, one.timing)


def _line(one: Artefact) -> str:
    costs = f"{one.bytes:>11,}{one.row_us:>9.1f}{one.batch_us:>10.2f}"
    return f"{one.name:<30}{one.score:>7.4f}{one.loss_bound:>+9.4f}{costs}  {one.why}"


def _ratios(name: str, before: int, slow: Timing, after: int, quick: Timing) -> str:
    batch = slow.batch_us_per_row / quick.batch_us_per_row
    row = slow.row_us / quick.row_us
    return f"{name:<30}{before / after:>9.1f}x{batch:>11.1f}x{row:>9.1f}x"


def one_fold(parts: Parts) -> TimeFold:
    """The whole selection part as a single window."""
    is_train = np.arange(len(parts.train) + len(parts.selection)) < len(parts.train)
    return TimeFold(parts.train.joined(parts.selection), is_train, ~is_train)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the front of a million parameters and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get(DATA)
    parser.add_argument(
        "--data", type=Path, default=Path(default) if default else None, help="Handbook parquet"
    )
    parser.add_argument("--rows", type=int, default=150_000, help="of the Handbook")
    given = parser.parse_args(arguments)
    if not family("net").available():
        sys.stdout.write("networks need torch: pip install 'lepton-kit[nets]'\n")
        return
    started = time.process_time()
    dataset = fraud_matrix(given.data, given.rows)
    parts = split_in_time(dataset, SPLIT, min_positives=30)
    parts = replace(parts, folds=(one_fold(parts),))
    with quiet_and_single_threaded():
        board = searched(parts, HIDDEN)
        front = compressed(parts, board)
    positives = sum(int(fold.valid.y.sum()) for fold in parts.folds)
    n_rows = sum(len(fold.valid) for fold in parts.folds)
    sys.stdout.write(
        f"{board.best.newest.estimator.n_parameters:,} parameters, judged on {n_rows:,} rows with "
        f"{positives} frauds\n" + "\n".join(told(front)) + "\n"
        f"{time.process_time() - started:.0f} CPU seconds\n"
    )


if __name__ == "__main__":
    main()
