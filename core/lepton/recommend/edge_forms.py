"""The device's model in ever smaller forms: the smallest whose loss is inside the bound is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lepton.recommend.edge_graph import Form, packed, to_onnx
from lepton.recommend.families.ease_own import EaseOwn, EaseOwnRanker
from lepton.recommend.interactions import InteractionDataset
from lepton.recommend.judged import lists_of, rated
from lepton.recommend.windows import Window

FORMS: Final = (
    Form(),
    Form("int8"),
    Form("float16", 200),
    Form("int8", 240),
    Form("int8", 160),
    Form("int8", 100),
    Form("int8", 50),
    Form("int8", 30),
)
RESAMPLES: Final = 500


@dataclass(frozen=True)
class FormTrial:
    """One form: NDCG@10 in both modes, bytes of its graph, and the one-sided upper bound of the
    share of NDCG@10 that it loses in the worse mode."""

    form: Form
    ndcg10_all: float
    ndcg10_new: float
    n_bytes: int
    loss_bound: float


@dataclass(frozen=True, eq=False)
class EdgeChoice:
    """form: the one that is shipped; trials: all that were tried."""

    form: Form
    trials: tuple[FormTrial, ...]


def choose_form(
    window: Window,
    rng: np.random.Generator,
    *,
    recipe: EaseOwn | None = None,
    max_loss: float = 0.01,
    max_bytes: int = 3_000_000,
    confidence: float = 0.95,
) -> EdgeChoice:
    """The smallest form that loses at most `max_loss` of NDCG@10 with `confidence`, by a paired
    bootstrap over the window's customers; where none fits into `max_bytes`, the smallest."""
    ranker = (recipe or EaseOwn()).fit(window.known, rng)
    whole = rated(lists_of(ranker, window), window)
    trials = []
    for form in FORMS:
        if form.neighbours >= len(window.known.items):
            continue
        told = rated(lists_of(in_form(ranker, form), window), window)
        bound = max(_bound(whole[m], told[m], rng, confidence) for m in _NAMES)
        n_bytes = len(to_onnx(ranker.model, form, {}))
        in_all, in_new = (float(np.nanmean(told[name])) for name in _NAMES)
        trials.append(FormTrial(form, in_all, in_new, n_bytes, bound))
    good = [one for one in trials if one.loss_bound <= max_loss and one.n_bytes <= max_bytes]
    pool = good or [one for one in trials if one.n_bytes <= max_bytes] or trials
    chosen = min(pool, key=lambda one: one.n_bytes if good else one.loss_bound)
    return EdgeChoice(chosen.form, tuple(trials))


_NAMES: Final = ("ndcg10_all", "ndcg10_new")


def in_form(ranker: EaseOwnRanker, form: Form) -> EaseOwnRanker:
    """The ranker as a device has it."""
    similar = packed(ranker.model.similar, form).similar()
    return replace(ranker, model=replace(ranker.model, similar=similar))


def edge_ranker(known: InteractionDataset, recipe: EaseOwn | None = None) -> EaseOwnRanker:
    """The device's model, uncompressed, on what is known."""
    return (recipe or EaseOwn()).fit(known, np.random.default_rng(0))


def _bound(
    whole: np.ndarray, told: np.ndarray, rng: np.random.Generator, confidence: float
) -> float:
    """Upper bound of the share of the mean that is lost."""
    kept = np.isfinite(whole)
    whole, told = whole[kept], told[kept]
    if not len(whole) or not whole.sum():
        return 0.0
    drawn = rng.integers(0, len(whole), (RESAMPLES, len(whole)))
    losses = 1 - told[drawn].sum(axis=1) / np.maximum(whole[drawn].sum(axis=1), 1e-12)
    return float(np.quantile(losses, confidence))


__all__ = ["FORMS", "EdgeChoice", "FormTrial", "choose_form", "edge_ranker", "in_form"]
