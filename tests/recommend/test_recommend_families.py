"""Every family under one contract, and what each must find in a shop that is known."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from lepton.errors import ConfigError, SearchError
from lepton.recommend.champion import Champion
from lepton.recommend.families.attributes import Attributes
from lepton.recommend.families.ease import Ease
from lepton.recommend.families.lambdarank import Lambdarank
from lepton.recommend.families.popularity import Popularity, PopularityRanker
from lepton.recommend.interactions import InteractionDataset
from lepton.recommend.judged import lists_of, rated
from lepton.recommend.leak import leak_of, shuffled_after
from lepton.recommend.ranking import top
from lepton.recommend.retrieved import candidate_recall, fit_retrievers
from lepton.recommend.roster import FAMILIES, family
from lepton.recommend.windows import Window
from tests.recommend.tiny import DAY, shop_dataset

HAS_TORCH = find_spec("torch") is not None
NAMES = sorted(name for name in FAMILIES if name != "sasrec" or HAS_TORCH)
LEARNERS = ["ease", "ease_own", "item_knn", "ials", "lambdarank", "blend"]


@pytest.fixture(scope="module")
def window() -> Window:
    data = shop_dataset()
    return Window.at(data, data.as_of_s - 28 * DAY, 28.0)


@pytest.mark.parametrize("name", NAMES)
def test_a_family_scores_all_items_and_repeats_itself(name: str, window: Window) -> None:
    asked = window.customers[:7]
    told = [
        family(name).fit(window.known, np.random.default_rng(3)).scores(window.known, asked, "new")
        for _ in range(2)
    ]
    assert told[0].shape == (7, len(window.known.items))
    assert told[0].dtype == np.float32
    assert not np.isnan(told[0]).any()
    np.testing.assert_array_equal(told[0], told[1])


@pytest.mark.parametrize("name", LEARNERS + ["sasrec"] * HAS_TORCH)
def test_what_learns_finds_the_customers_group_where_popularity_cannot(
    name: str, window: Window
) -> None:
    rng = np.random.default_rng(0)
    own, floor = (
        rated(lists_of(one.fit(window.known, rng), window), window)
        for one in (family(name), Popularity())
    )
    assert np.nanmean(own["ndcg10_all"]) > 1.3 * np.nanmean(floor["ndcg10_all"])


@pytest.mark.parametrize("name", NAMES)
def test_rows_after_the_cutoff_shuffled_or_dropped_change_no_score(name: str) -> None:
    data = shop_dataset()
    assert leak_of(data, family(name), data.as_of_s - 28 * DAY, 28.0, 0) == 0.0


def test_a_planted_leak_is_found() -> None:
    data = shop_dataset()
    cutoff_s = data.as_of_s - 28 * DAY

    class Leaky:
        name = "leaky"

        def __init__(self, seen: list[InteractionDataset]) -> None:
            self.later = iter(seen)

        def fit(self, known: InteractionDataset, rng: np.random.Generator) -> PopularityRanker:
            later = next(self.later).popularity(28.0)
            return PopularityRanker(later / (later.max() + 1))

    noisy = shuffled_after(data, cutoff_s, np.random.default_rng(1))
    told = Leaky([data, noisy, data.before(cutoff_s)])
    assert leak_of(data, told, cutoff_s, 28.0, 0) > 0.0


def test_ease_is_the_ridge_regression_of_its_paper(window: Window) -> None:
    taken = np.asarray(window.known.recent(np.inf).todense(), dtype=np.float64)
    similar = np.asarray(Ease(50.0).fit(window.known, np.random.default_rng(0)).similar)
    item = 3
    others = np.delete(np.arange(taken.shape[1]), item)
    gram = taken[:, others].T @ taken[:, others] + 50.0 * np.eye(len(others))
    wanted = np.linalg.solve(gram, taken[:, others].T @ taken[:, item])
    np.testing.assert_allclose(similar[others, item], wanted, atol=1e-5)
    assert similar[item, item] == 0.0


def test_the_first_stage_holds_what_customers_had_and_its_recall_is_told(window: Window) -> None:
    fitted = fit_retrievers(window.known, np.random.default_rng(0))
    retrieved = fitted.retrieve(window.known, window.customers)
    had = window.owned
    keys = set((retrieved.row * had.shape[1] + retrieved.item).tolist())
    rows = np.repeat(np.arange(had.shape[0]), np.diff(had.indptr))
    assert set((rows * had.shape[1] + had.indices).tolist()) <= keys
    assert candidate_recall(window, retrieved, "all") == 1.0


def test_a_champion_of_two_stages_lists_the_same_after_it_was_stored(
    window: Window, tmp_path: Path
) -> None:
    model = Lambdarank().fit(window.known, np.random.default_rng(5))
    champion = Champion.of({"all": "lambdarank", "new": "ease"}, {"lambdarank": model}, 5)
    champion.save(tmp_path)
    again = Champion.load(tmp_path)
    asked = window.customers[:20]
    told = [one.on(window.known).scores(window.known, asked) for one in (champion, again)]
    np.testing.assert_array_equal(told[0], told[1])
    assert champion.fingerprint == again.fingerprint
    assert again.families["new"] == "ease"


def test_a_history_without_windows_cannot_teach_an_order() -> None:
    data = shop_dataset()
    short = data.before(int(data.at_s.min()) + 30 * DAY)
    with pytest.raises(SearchError, match="LK471 lambdarank, mode all: 0 items taken"):
        Lambdarank().fit(short, np.random.default_rng(0))


def test_an_item_that_nobody_took_is_found_by_its_words(window: Window) -> None:
    known = window.known
    group = np.array([int(name[1:]) % 4 for name in known.items])
    words = sparse.csr_matrix(np.eye(4)[group])
    model = Attributes().fit(known.with_words(words), np.random.default_rng(0))
    told = model.of_new(known, window.customers, sparse.csr_matrix(np.eye(4)))
    liked = np.array([int(str(n)[1:]) % 4 for n in known.customers[window.customers]])
    assert (top(told, 1)[:, 0] == liked).mean() > 0.95


def test_an_unknown_family_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"LK119 .*did you mean 'ease_own'"):
        family("ease_onw")
