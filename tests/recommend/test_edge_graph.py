"""The device's graph lists what Python lists, in every form, and says why."""

from __future__ import annotations

import numpy as np
import pytest

from lepton.recommend.beside import bought_together, discoveries, due_items, similar_items
from lepton.recommend.edge_forms import choose_form, in_form
from lepton.recommend.edge_graph import Form, packed, to_onnx
from lepton.recommend.edge_timing import agreement, expected, feeds
from lepton.recommend.families.ease_own import EaseOwn, EaseOwnRanker
from lepton.recommend.ranking import masked, top
from lepton.recommend.serving import BatchServer
from lepton.recommend.windows import Window
from lepton_edge.runtime import CPU, session
from tests.recommend.tiny import DAY, dataset, shop_dataset


@pytest.fixture(scope="module")
def window() -> Window:
    data = shop_dataset()
    return Window.at(data, data.as_of_s - 28 * DAY, 28.0)


@pytest.fixture(scope="module")
def ranker(window: Window) -> EaseOwnRanker:
    return EaseOwn().fit(window.known, np.random.default_rng(0))


@pytest.mark.parametrize("form", [Form(), Form("int8"), Form("float16", 20), Form("int8", 15)])
def test_the_graph_lists_what_python_lists_under_masks_and_boosts(
    form: Form, ranker: EaseOwnRanker, window: Window
) -> None:
    content = to_onnx(ranker.model, form, {})
    found = agreement(content, in_form(ranker, form), window, 500)
    assert found.compared == 500
    assert found.same == 1.0
    assert found.violations == 0


def test_reasons_are_the_largest_parts_of_the_score(ranker: EaseOwnRanker, window: Window) -> None:
    made = session(to_onnx(ranker.model, Form(), {}), "graph", CPU)
    feed = next(feeds(ranker, window, np.random.default_rng(0)))
    item, _, because, share = made.run(None, feed)
    parts = feed["weight"] * ranker.model.similar[feed["history"], item[0]]
    assert because[0].tolist() == np.argsort(-parts, kind="stable")[:2].tolist()
    np.testing.assert_allclose(share[0], np.sort(parts)[::-1][:2], rtol=1e-5)


def test_an_empty_history_is_answered_by_demand(ranker: EaseOwnRanker, window: Window) -> None:
    n = len(window.known.items)
    none = np.empty(0, dtype=np.int64)
    feed: dict[str, np.ndarray] = {
        "history": none,
        "weight": np.empty(0, dtype=np.float32),
        "seen": none,
        "allowed": np.ones(n, dtype=bool),
        "boost": np.zeros(n, dtype=np.float32),
    }
    made = session(to_onnx(ranker.model, Form("int8", 15), {}), "graph", CPU)
    item, _, because, _ = made.run(None, feed)
    assert item[0] == int(np.argmax(ranker.model.prior))
    assert because.shape[1] == 0
    assert expected(ranker, feed)[0] == item[0]


def test_int8_is_within_half_a_step_of_each_row(ranker: EaseOwnRanker) -> None:
    told = packed(ranker.model.similar, Form("int8"))
    gap = np.abs(told.similar() - ranker.model.similar)
    assert (gap <= told.scale / 2 + 1e-7).all()


def test_the_smallest_form_inside_the_bound_is_chosen(window: Window) -> None:
    choice = choose_form(window, np.random.default_rng(0), max_loss=0.02)
    inside = [one for one in choice.trials if one.loss_bound <= 0.02]
    assert choice.form == min(inside, key=lambda one: one.n_bytes).form
    strict = choose_form(window, np.random.default_rng(0), max_loss=-1.0)
    assert strict.form == Form()


def test_lists_of_all_customers_leave_out_what_each_had(
    ranker: EaseOwnRanker, window: Window
) -> None:
    histories = ranker.histories(window.known, window.customers)
    items = BatchServer.of(ranker, Form()).lists(histories, 5, seen=window.owned)
    told = masked(ranker.scores(window.known, window.customers), window.owned)
    assert items.tolist() == top(told, 5).tolist()
    allowed = np.arange(len(window.known.items)) % 2 == 0
    even = BatchServer.of(ranker, Form()).lists(histories, 5, allowed=allowed)
    assert (even % 2 == 0).all()


def test_similar_items_are_of_the_same_group(ranker: EaseOwnRanker, window: Window) -> None:
    found, _ = similar_items(ranker.model, 2, 5)
    assert {int(str(window.known.items[at])[1:]) % 4 for at in found} == {2}
    allowed = np.zeros(len(window.known.items), dtype=bool)
    allowed[6] = True
    assert similar_items(ranker.model, 2, 5, allowed)[0].tolist() == [6]


def test_a_planted_pair_is_found_and_chance_is_not() -> None:
    rng = np.random.default_rng(0)
    told = []
    for order in range(600):
        basket = {f"x{one}" for one in rng.choice(30, 3, replace=False)}
        if order % 10 == 0:
            basket |= {"tea", "pot"}
        told += [(f"c{order % 50}", one, float(order) / 10, f"o{order}") for one in sorted(basket)]
    found = bought_together(dataset(told, 61))
    assert found[["item_id", "with_item_id"]].to_numpy()[0].tolist() == ["pot", "tea"]
    assert len(found) <= 3


def test_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    p = np.array([0.01, 0.04, 0.02, 0.9])
    assert discoveries(p, 4).tolist() == [True, False, True, False]


def test_what_is_late_by_its_own_gap_is_likelier_than_what_was_just_taken() -> None:
    rng = np.random.default_rng(1)
    told = []
    for customer in range(80):
        day = float(rng.uniform(0, 30))
        while day < 300:
            told.append((f"c{customer}", "tea", day, f"o{customer}-{day}"))
            day += 30 + float(rng.normal(0, 2))
    found = due_items(dataset(told, 300), 7.0).set_index("customer_id")
    late = found["days_since"] > 26
    assert found["probability"][late].min() > found["probability"][found["days_since"] < 15].max()
