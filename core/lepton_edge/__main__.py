"""`python -m lepton_edge verify|score|forecast|recommend|stream|bench BUNDLE`.

Numpy and onnxruntime are all it needs.

Exit codes: 0 done, 2 wrong usage, 4 rows refused, 6 bundle refused, 7 machine lacks something.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO

import numpy as np

from lepton_edge.bundle import Opened, open_bundle
from lepton_edge.errors import EdgeError, RowError
from lepton_edge.files import beside, decide_file, unseen_notes, write_scores
from lepton_edge.forecast_bench import measure
from lepton_edge.forecast_golden import check_windows
from lepton_edge.forecast_plan import changed_zones, is_forecast
from lepton_edge.forecast_service import ForecastService, has_forecast
from lepton_edge.forecaster import Forecaster
from lepton_edge.golden import check_golden
from lepton_edge.holding import held
from lepton_edge.lines import Service, Stop, Storage, lines_of, serve
from lepton_edge.recommend_golden import check_lists, is_recommend
from lepton_edge.recommend_lines import RecommendLines
from lepton_edge.recommender import Recommender
from lepton_edge.rows import read_rows
from lepton_edge.runtime import CPU, Runtime, Scores
from lepton_edge.stream_service import StreamService


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except EdgeError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    except OSError as error:
        print(f"LK992 {error.filename}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 7
    return code


def _verify(options: argparse.Namespace) -> int:
    opened = open_bundle(options.bundle)
    if is_forecast(opened):
        forecaster = _forecaster(opened, options)
        found, provider, kind = check_windows(forecaster), forecaster.provider, "windows"
        for zone in changed_zones(forecaster.plan):
            _say(f"note: this machine's rules of {zone} differ; those of the bundle are used")
    elif is_recommend(opened):
        recommender = Recommender(opened, provider=options.provider)
        found, provider, kind = check_lists(recommender), recommender.provider, "lists"
    else:
        runtime = Runtime(opened, provider=options.provider, allow_fallback=options.allow_fallback)
        found, provider, kind = check_golden(opened, runtime), runtime.provider, "rows"
    _say(f"{len(opened.manifest.files)} files have the sha256 that the manifest names")
    _say(
        f"golden {kind} on {provider}: {found.rows} scored, largest difference "
        f"{found.max_abs_diff:.1e} (tolerance {found.tolerance:.0e}), {found.flips} flips"
    )
    _say("verified" if found.passed else f"REFUSED: this device does not repeat the golden {kind}")
    return 0 if found.passed else 6


def _score(options: argparse.Namespace) -> int:
    opened = open_bundle(options.bundle)
    runtime = Runtime(opened, provider=options.provider, allow_fallback=options.allow_fallback)
    with _source(options.rows) as file:
        try:
            rows = read_rows(file, options.format, runtime.manifest, beside(opened))
        except UnicodeDecodeError as error:
            raise RowError(
                "LK286", where=str(options.rows), found="not UTF-8", remedy="write it as UTF-8"
            ) from error
    scores = runtime.score(rows.numeric, rows.categorical)
    decided = decide_file(opened, runtime, rows, scores)
    write_scores(sys.stdout, options.format, runtime.manifest.key, rows, scores, decided.decided)
    for note in (*decided.notes, *unseen_notes(opened, rows)):
        print(note, file=sys.stderr)  # noqa: T201
    return 0


def _stream(options: argparse.Namespace) -> int:
    opened = open_bundle(options.bundle)
    storage = Storage(options.state, options.checkpoint_every)
    with held(options.state):
        if is_forecast(opened):
            service = ForecastService(_forecaster(opened, options), storage)
            _serve(service, options.rows)
            told = f"{service.state.rows:,} lines in the state, {service.refused:,} refused"
        else:
            runtime = Runtime(
                opened, provider=options.provider, allow_fallback=options.allow_fallback
            )
            events = StreamService(opened, runtime, storage)
            _serve(events, options.rows)
            found = events.stream
            told = f"{found.events:,} events since the state began, {found.late_events:,} out of"
            told += f" order, {found.refused_events:,} refused"
    print(told, file=sys.stderr)  # noqa: T201
    return 0


def _serve(service: Service, rows: str) -> None:
    if rows == "-":
        serve(service, sys.stdin.buffer, sys.stdout)
    else:
        with Path(rows).open("rb") as file:
            serve(service, file, sys.stdout)


def _forecast(options: argparse.Namespace) -> int:
    """Forecasts and errors of a file of lines; at the end one for all series where asked for."""
    service = ForecastService(_forecaster(open_bundle(options.bundle), options))
    with ExitStack() as stack:
        rows = sys.stdin.buffer
        if options.rows != "-":
            rows = stack.enter_context(Path(options.rows).open("rb"))
        asked = [json.dumps({"issue_at": options.at}).encode()] if options.at else []
        for line in (*lines_of(rows, Stop()), *asked):
            found = service.answered(line) if line.strip() else {}
            if "error" in found or has_forecast(found):
                _say(json.dumps(found, allow_nan=False))
    return 4 if service.refused else 0


def _recommend(options: argparse.Namespace) -> int:
    """A list for each line of a file."""
    day = datetime.now(UTC).date() if options.day is None else options.day
    lists = RecommendLines(Recommender(options.bundle, provider=options.provider), day)
    with ExitStack() as stack:
        rows = sys.stdin.buffer
        if options.rows != "-":
            rows = stack.enter_context(Path(options.rows).open("rb"))
        for line in lines_of(rows, Stop()):
            if line.strip():
                _say(json.dumps(lists.answered(line), allow_nan=False))
    return 4 if lists.refused else 0


def _forecaster(opened: Opened, options: argparse.Namespace) -> Forecaster:
    return Forecaster(opened, provider=options.provider, allow_fallback=options.allow_fallback)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _bench(options: argparse.Namespace) -> int:
    opened = open_bundle(options.bundle)
    if is_forecast(opened):
        cost = measure(_forecaster(opened, options))
        _say(
            f"CPU ms of {cost.n_leads} intervals and 9 deciles: one series {cost.one_ms:.2f}, "
            f"{cost.n_many:,} series {cost.many_ms:,.0f}"
        )
        return 0
    runtime = Runtime(opened, provider=options.provider, allow_fallback=options.allow_fallback)
    one, many = (_call(runtime, rows) for rows in (1, 1024))
    costs = sorted((_cpu_us(one, 50), _cpu_us(many, 2) / 1024) for _ in range(9))
    _say(f"CPU us per row: batch 1 {costs[4][0]:.1f}, batch 1,024 {_median(costs, 1):.2f}")
    return 0


def _median(costs: list[tuple[float, float]], place: int) -> float:
    return sorted(cost[place] for cost in costs)[len(costs) // 2]


def _call(runtime: Runtime, n_rows: int) -> Callable[[], Scores]:
    numeric = np.random.default_rng(0).normal(size=(n_rows, len(runtime.manifest.numeric)))
    texts = np.full((n_rows, len(runtime.manifest.categorical)), "", dtype=object)
    return lambda: runtime.score(numeric, texts)


def _cpu_us(call: Callable[[], Scores], repeats: int) -> float:
    started = time.process_time_ns()
    for _ in range(repeats):
        call()
    return (time.process_time_ns() - started) / 1000 / repeats


@contextmanager
def _source(path: str) -> Iterator[IO[str]]:
    if path == "-":
        yield sys.stdin
        return
    with Path(path).open(encoding="utf-8", newline="") as file:
        yield file


def _say(text: str) -> None:
    print(text)  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lepton_edge", description="Run a bundle on a device.")
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, about in (
        ("verify", _verify, "check every sha256 and score the golden rows again"),
        ("score", _score, "score rows of features, CSV or JSON lines"),
        ("forecast", _forecast, "forecast from a file of measurements, JSON lines in and out"),
        ("recommend", _recommend, "list items for histories, JSON lines in and out"),
        ("stream", _stream, "answer events as they come, JSON lines in and out"),
        ("bench", _bench, "measure CPU time per row, or per forecast"),
    ):
        verb = verbs.add_parser(name, help=about, description=about)
        verb.set_defaults(command=command)
        verb.add_argument("bundle", type=Path)
        verb.add_argument("--provider", default=CPU, help="execution provider that must be there")
        verb.add_argument("--allow-fallback", action="store_true", help="let the CPU stand in")
        if command is _score:
            verb.add_argument("rows", nargs="?", default="-", help="file, - for standard input")
            verb.add_argument("--format", choices=("csv", "jsonl"), default="csv")
        if command is _forecast:
            verb.add_argument("rows", nargs="?", default="-", help="file, - for standard input")
            verb.add_argument("--at", help="instant of an issue for all series at the end")
        if command is _recommend:
            verb.add_argument("rows", nargs="?", default="-", help="file, - for standard input")
            verb.add_argument("--day", type=date.fromisoformat, help="on which rules hold, today")
        if command is _stream:
            verb.add_argument("rows", nargs="?", default="-", help="file, - for standard input")
            verb.add_argument("--state", type=Path, required=True, help="folder of the state")
            verb.add_argument(
                "--checkpoint-every", type=_positive, default=10_000, help="so many events"
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
