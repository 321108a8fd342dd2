"""The page that tells a person what a bundle is for and how to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lepton.export.cases import Exportable

if TYPE_CHECKING:
    from lepton.export.context import BundleContext


def model_card(model: Exportable, context: BundleContext) -> str:
    """Markdown: what it predicts, from what, what it was made with, how to run it."""
    lines = [
        f"# {context.solution}: {context.task.name} for {context.customer}",
        "",
        f"Predicts `{context.task.target}` of a row of `{context.task.table}` as a probability; "
        f"the decision is 1 where it reaches {model.threshold:.6g}.",
        "",
        f"- Made by Lepton Kit {context.kit_version}, run {context.run_id}",
        f"- Family: {model.family}; fingerprint {model.fingerprint}",
        f"- Inputs: {len(model.numeric)} numeric, {len(model.categorical)} categorical features; "
        "`features.json` says how they are computed, `manifest.json` in which order",
        f"- Costs behind the threshold: {_costs(context)}",
        *_actions(context),
        "- Learnt from one customer's history: it knows nothing of others, and drifts as that does",
        "",
        *_USE,
    ]
    return "\n".join(lines) + "\n"


_USE = (
    "## Use on a device",
    "",
    "Python 3.11 or newer with numpy and onnxruntime is enough; no network is used.",
    "",
    "```",
    "PYTHONPATH=BUNDLE/runtime python -m lepton_edge verify BUNDLE",
    "PYTHONPATH=BUNDLE/runtime python -m lepton_edge score BUNDLE rows.csv > scores.csv",
    "```",
    "",
    "`verify` checks every file's sha256 and repeats the golden rows; `score` takes one column a",
    "feature, an empty cell for a missing value, and refuses what is not a finite number. Actions",
    "ask for each row's key, event time and value too, rows in event order.",
)


def _actions(context: BundleContext) -> list[str]:
    """What can be done with a row, and the rules beside the model."""
    decisions = context.decisions
    if decisions is None:
        return []
    policy, rules = decisions.policy, decisions.rules
    names = ", ".join(action.name for action in policy.actions)
    limited = [action.name for action in policy.actions if action.limited]
    places = (
        f"; {limited[0]} at most {policy.capacity:g} a day" if limited and policy.capacity else ""
    )
    lines = [f"- Actions: {names}, whichever costs least in expectation (`decision.json`){places}"]
    if rules is not None:
        lines.append(
            f"- Rules: version {rules.version}, {len(rules.rules)} beside the model (`rules.json`)"
        )
    return lines


def _costs(context: BundleContext) -> str:
    return ", ".join(f"{name} {amount:g}" for name, amount in sorted(context.costs.items())) or "-"


__all__ = ["model_card"]
