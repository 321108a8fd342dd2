"""Which kinds of tasks have stages of their own between tables and report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from typing import Any, Final, TypeVar, cast

from lepton.context import Context
from lepton.task import TaskKind

OWN_STAGES: Final[Mapping[TaskKind, str]] = {
    TaskKind.FORECAST: "lepton.forecasting",
    TaskKind.RECOMMEND: "lepton.recommending",
}
"""Kinds of tasks whose stages from featurize to report are others, and the module that has them
under the same names."""

S = TypeVar("S", bound=Callable[..., Any])


def by_kind(stage: S) -> S:
    """`stage`, which leaves tasks of the kinds `OWN_STAGES` to the stage of the same name there."""

    @wraps(stage)
    def run(ctx: Context, *values: Any, **named: Any) -> Any:
        home = OWN_STAGES.get(ctx.task.kind)
        if home is None:
            return stage(ctx, *values, **named)
        ctx.enter(stage.__name__)
        return getattr(import_module(home), stage.__name__)(ctx, *values, **named)

    return cast(S, run)


__all__ = ["OWN_STAGES", "by_kind"]
