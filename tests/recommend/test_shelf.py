"""Rules of lists: hard ones are never broken, and what each does is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.errors import ConfigError
from lepton.recommend.families.ease_own import EaseOwn
from lepton.recommend.priced import audit, price_of_rules
from lepton.recommend.rules import catalogue_of, load_shelf_rules, on_hand_of
from lepton.recommend.windows import Window
from lepton_edge.shelf import Catalogue, Rule, Shelf
from tests.recommend.tiny import DAY, shop_dataset

DAY_OF = date(2024, 6, 1)


def catalogue(n: int = 40) -> Catalogue:
    items = tuple(f"i{at:02d}" for at in range(n))
    return Catalogue(items, {"category": np.array([f"g{at % 5}" for at in range(n)])})


RULES = (
    Rule("gone", "exclude", {"item_id": ("i03", "i07")}),
    Rule("in_stock", "available"),
    Rule("two_a_category", "cap", amount=2, by="category"),
    Rule("first", "pin", {"item_id": ("i10",)}, amount=0),
    Rule("lift", "boost", {"category": ("g1",)}, amount=0.2),
    Rule("last_summer", "exclude", {"category": ("g2",)}, until=date(2023, 9, 1)),
    Rule("only_new", "exclude", {"category": ("g4",)}, modes=("new",)),
)


def test_a_shelf_holds_what_is_allowed_on_its_day_and_in_its_mode() -> None:
    on_hand = np.ones(40)
    on_hand[[0, 5]] = 0
    shelf = Shelf.of(RULES, catalogue(), DAY_OF, "all", on_hand)
    assert np.flatnonzero(~shelf.allowed).tolist() == [0, 3, 5, 7]
    assert shelf.boost[1] == np.float32(0.2)
    new = Shelf.of(RULES, catalogue(), DAY_OF, "new", on_hand)
    assert not new.allowed[4]
    assert new.allowed[2]


def test_a_pin_stands_at_its_place_and_counts_for_the_cap() -> None:
    shelf = Shelf.of(RULES, catalogue(), DAY_OF, "all")
    items, why = shelf.fill(np.array([0, 5, 15, 1, 6, 11, 2]), 5)
    assert items.tolist() == [10, 0, 1, 6, 2]
    assert [shelf.rules[one].rule_id if one >= 0 else "" for one in why] == ["first", *[""] * 4]


def test_a_pin_of_what_is_gone_or_seen_gives_way() -> None:
    gone = (
        Rule("gone", "exclude", {"item_id": ("i10",)}),
        Rule("pin", "pin", {"item_id": ("i10",)}),
    )
    assert Shelf.of(gone, catalogue(), DAY_OF, "all").fill(np.arange(5), 2)[0].tolist() == [0, 1]
    shelf = Shelf.of(RULES, catalogue(), DAY_OF, "all")
    assert shelf.fill(np.array([1, 2]), 2, np.array([10]))[0].tolist() == [1, 2]


def test_what_was_taken_too_lately_waits() -> None:
    wait = (Rule("wait", "wait", {"category": ("g0",)}, amount=14),)
    shelf = Shelf.of(wait, catalogue(), DAY_OF, "all")
    told = shelf.waiting(np.array([0, 5, 1]), np.array([3.0, 20.0, 3.0]))
    assert told.tolist() == [0]


@pytest.mark.slow
def test_no_rule_is_broken_in_a_million_slots() -> None:
    rng = np.random.default_rng(0)
    slots = faults = 0
    shelves = []
    for _ in range(50):
        rules = [one for one in RULES if rng.random() < 0.7]
        on_hand = (rng.random(40) > 0.2).astype(float)
        mode = ("all", "new")[int(rng.integers(2))]
        shelves.append(Shelf.of(rules, catalogue(), DAY_OF, mode, on_hand))
    while slots < 1_000_000:
        shelf = shelves[int(rng.integers(50))]
        ranked = rng.permutation(40)
        seen = ranked[: int(rng.integers(0, 15))]
        open_ = ranked[shelf.allowed[ranked] & ~np.isin(ranked, seen)]
        items, _ = shelf.fill(open_, 10, seen)
        faults += len(shelf.broken(items, seen))
        slots += 10
    assert faults == 0


def test_a_broken_list_is_told() -> None:
    shelf = Shelf.of(RULES, catalogue(), DAY_OF, "all")
    assert shelf.broken(np.array([3, 0, 5, 10, 0]), np.array([5])) == [
        "gone",
        "two_a_category",
        "seen",
        "twice",
    ]


@pytest.fixture
def window() -> Window:
    data = shop_dataset()
    return Window.at(data, data.as_of_s - 28 * DAY, 28.0)


def test_an_audit_counts_what_each_rule_did_and_finds_nothing_broken(window: Window) -> None:
    model = EaseOwn().fit(window.known, np.random.default_rng(0))
    for mode in ("all", "new"):
        found = audit(model, window, mode, Shelf.of(RULES, catalogue(), DAY_OF, mode))
        assert found.broken == 0
        assert found.fired["gone"] > 0
        assert found.removed["gone"] > 0
        assert (np.isin(found.lists, [3, 7])).sum() == 0


def test_the_price_of_a_rule_is_what_lists_gain_without_it(window: Window) -> None:
    model = EaseOwn().fit(window.known, np.random.default_rng(0))
    told = price_of_rules(model, window, RULES[:1], catalogue(), DAY_OF)
    assert told["rule"].tolist() == ["gone", "all rules", "gone", "all rules"]
    assert told["cost"][0] > 0.0
    assert told["cost"].to_numpy()[::2].tolist() == told["cost"].to_numpy()[1::2].tolist()


def write(path: Path, text: str) -> Path:
    path.write_text(f"version: 1\nrules:\n{text}", encoding="utf-8")
    return path


def test_rules_are_read_from_yaml_with_dates_and_modes(tmp_path: Path) -> None:
    text = "  - {id: sale, kind: boost, where: {category: [g1]}, amount: 0.1, until: 2024-07-01}\n"
    (rule,) = load_shelf_rules(write(tmp_path / "rules.yaml", text), catalogue())
    assert rule == Rule("sale", "boost", {"category": ("g1",)}, 0.1, until=date(2024, 7, 1))
    assert Rule.of(rule.to_json()) == rule


def test_all_rules_that_cannot_be_used_are_told_at_once(tmp_path: Path) -> None:
    text = (
        "  - {id: a, kind: cap, by: categry, amount: 3}\n"
        "  - {id: a, kind: boost}\n"
        "  - {id: b, kind: exclude, where: {colour: [red]}}\n"
        "  - {id: c, kind: exclude, start: 2024-02-01, until: 2024-01-01}\n"
    )
    with pytest.raises(ConfigError) as fault:
        load_shelf_rules(write(tmp_path / "rules.yaml", text), catalogue())
    assert fault.value.code == "LK133"
    told = "\n".join(fault.value.details)
    for words in (
        "'a' stands twice",
        "did you mean 'category'",
        "no column 'colour'",
        "ends before",
    ):
        assert words in told


def test_items_that_the_catalogue_does_not_know_have_no_values_and_count_as_there() -> None:
    told = pd.DataFrame({"item_id": ["a"], "category": ["x"], "on_hand": [0.0]})
    found = catalogue_of(["a", "b"], told)
    assert found.columns["category"].tolist() == ["x", ""]
    pieces = on_hand_of(["a", "b"], told)
    assert pieces is not None
    assert pieces.tolist() == [0.0, 1.0]
