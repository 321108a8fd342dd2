"""From the values of the stages of recommendations to what its report says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from lepton.recommend.beside import bought_together, due_items
from lepton.recommend.board import RecommendBoard
from lepton.recommend.front import EdgeFront
from lepton.recommend.judged import Lists, beyond_accuracy, lists_of, rated, segments
from lepton.recommend.prepared import Prepared
from lepton.recommend.priced import price_of_rules
from lepton.recommend.rules import catalogue_of, on_hand_of
from lepton.recommend.windows import MODES, Window
from lepton.report.content import RecommendFacts
from lepton_edge.shelf import Rule

if TYPE_CHECKING:
    from lepton.export.bundle import Bundle

SHOWN: Final = 20
EXAMPLES: Final = 4


def recommend_facts(
    prepared: Prepared,
    board: RecommendBoard,
    front: EdgeFront,
    bundle: Bundle,
    rules: Sequence[Rule],
) -> RecommendFacts:
    """What a report of recommendations says beside metrics and gates, all of the last window before
    the holdout, by the champion, which had not seen it when it was chosen."""
    window = prepared.windows()[-1]
    champion = board.champion.on(window.known)
    lists = lists_of(champion, window)
    shown = lists.of["all"][:, :10]
    known = prepared.before_holdout
    return RecommendFacts(
        segments=_segments(lists, window),
        beyond=pd.DataFrame(
            [{"mode": mode, **beyond_accuracy(lists.of[mode], window)} for mode in MODES]
        ),
        prices=_prices(prepared, front, window, rules),
        examples=_examples(prepared, front, window, lists),
        together=bought_together(known).head(SHOWN),
        due=due_items(known, prepared.days).head(SHOWN),
        sold=window.known.popularity(np.inf),
        shown=np.bincount(shown[shown >= 0], minlength=len(window.known.items)),
        device=_device(front, bundle),
        recall=board.recall,
        limits=tuple(_limits(prepared, board)),
    )


def _segments(lists: Lists, window: Window) -> pd.DataFrame:
    told = rated(lists, window)
    rows = []
    for name, inside in segments(window).items():
        for mode in MODES:
            values = told[f"ndcg10_{mode}"][inside]
            known = values[np.isfinite(values)]
            rows.append((name, mode, len(known), float(known.mean()) if len(known) else np.nan))
    return pd.DataFrame(rows, columns=["segment", "mode", "customers", "ndcg10"])


def _prices(
    prepared: Prepared, front: EdgeFront, window: Window, rules: Sequence[Rule]
) -> pd.DataFrame:
    """By the device's model: it is the one that rules are kept by at every request."""
    from lepton.recommend.edge_forms import edge_ranker

    if not rules:
        return pd.DataFrame()
    items = window.known.items
    day = pd.Timestamp(window.known.as_of_s, unit="s", tz="UTC").date()
    catalogue = catalogue_of(items, prepared.catalogue)
    on_hand = on_hand_of(items, prepared.catalogue)
    return price_of_rules(edge_ranker(window.known), window, rules, catalogue, day, on_hand)


def _examples(prepared: Prepared, front: EdgeFront, window: Window, lists: Lists) -> pd.DataFrame:
    """The first of the list of some customers with what speaks for each, by the device's model."""
    known, model = window.known, front.model
    titles = _titles(prepared)
    asked = np.linspace(0, max(len(window) - 1, 0), min(EXAMPLES, len(window))).astype(int)
    place = {name: at for at, name in enumerate(prepared.before_holdout.items.tolist())}
    rows = []
    for row in asked:
        customer = window.customers[row]
        own = known.pairs.start[customer], known.pairs.start[customer + 1]
        history = known.pairs.item[own[0] : own[1]]
        for rank, item in enumerate(lists.of["new"][row, :3].tolist(), 1):
            if item < 0:
                continue
            name = str(known.items[item])
            column = model.model.similar[:, place[name]]
            told = np.array([column[place[str(one)]] for one in known.items[history]])
            because = [str(known.items[history[at]]) for at in np.argsort(-told)[:2]]
            rows.append(
                (
                    str(known.customers[customer]),
                    rank,
                    titles.get(name, name),
                    " and ".join(titles.get(one, one) for one in because),
                    bool(window.taken[row, item]),
                )
            )
    columns = ["customer", "rank", "item", "because of", "taken"]
    return pd.DataFrame(rows, columns=columns)


def _titles(prepared: Prepared) -> Mapping[str, str]:
    told = prepared.catalogue
    if "title" not in told:
        return {}
    named = told.dropna(subset=["title"])
    return dict(zip(named["item_id"].astype(str), named["title"].astype(str), strict=True))


def _device(front: EdgeFront, bundle: Bundle) -> dict[str, str]:
    timing = bundle.manifest.get("timing", {})
    size = bundle.manifest["files"]["model.onnx"]["bytes"]
    return {
        "form": front.choice.form.name,
        "graph": f"{size / 1e6:.2f} MB",
        "one list": f"{timing.get('p50_ms', float('nan')):.3f} ms in the median, "
        f"{timing.get('p99_ms', float('nan')):.3f} ms at most but for one in a hundred",
    }


def _limits(prepared: Prepared, board: RecommendBoard) -> Iterator[str]:
    if len(board.recall):
        told = ", ".join(f"{share:.0%} in mode {mode}" for mode, share in board.recall.items())
        yield f"The first stage puts forward {told} of what is taken: no re-ranker finds more."
    window = prepared.windows()[-1]
    fresh = window.unknown.sum() / max(window.unknown.sum() + window.taken.nnz, 1)
    if fresh:
        yield f"{fresh:.1%} of what was taken were items that nobody had taken before."
    if "on_hand" not in prepared.catalogue:
        yield "No stock was delivered: what is out of stock may be listed."


__all__ = ["recommend_facts"]
