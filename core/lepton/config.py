"""What a consultant edits without writing Python: solution.yaml, read strictly.

Every key is optional but `solution` and `source`; what is absent keeps the Solution's default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Self, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lepton.errors import ConfigError, nearest
from lepton.names import check_id
from lepton.secrets import refuse_secrets
from lepton.strict_yaml import load_yaml

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BudgetConfig(Strict):
    """What a search may spend: seconds of wall time, or work units (one fit on one fold each)."""

    seconds: float | None = Field(default=None, gt=0, description="a promise, not reproducible")
    work_units: int | None = Field(default=None, gt=0, description="reproducible, not a promise")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.seconds is None) == (self.work_units is None):
            raise ValueError("give either seconds or work_units")
        return self


class SplitConfig(Strict):
    """How rows are cut, along time or by group; shares are of the time span, or of the groups."""

    by: Literal["time", "group"] | None = Field(default=None, description="the solution's own")
    label_delay_days: float | None = Field(default=None, ge=0)
    selection_share: float | None = Field(default=None, gt=0.02, lt=0.5)
    holdout_share: float | None = Field(default=None, gt=0.02, lt=0.5)
    train_days: float | None = Field(default=None, gt=0, description="how far back training looks")


class CompressionConfig(Strict):
    """How much of the metric a smaller artefact may lose: an upper bound, one-sided; and what the
    shipped one may cost at most, where that is bounded."""

    max_loss: float = Field(default=0.005, ge=0, le=1)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    max_bytes: int | None = Field(default=None, gt=0, description="of the ONNX file")
    max_row_us: float | None = Field(default=None, gt=0, description="CPU microseconds of one row")


class StreamConfig(Strict):
    """What a device may expect of arriving events: how far out of order they come, and how far
    ahead of its clock an event may say that it happened."""

    lateness_s: float = Field(default=3_600.0, ge=0, le=30 * 86_400)
    ahead_s: float = Field(default=300.0, ge=0, le=86_400)


class ScheduleConfig(Strict):
    """When the pipeline runs by itself; cron expressions in `timezone`. reforecast: when forecasts
    are made again during the day, absent for never."""

    retrain: str = "0 3 * * 1"
    score: str = "0 5 * * *"
    reforecast: str | None = None
    timezone: str = "UTC"
    scores_from: str = Field(default="2025-01-01", pattern=r"^\d{4}-\d\d-\d\d$")


class SolutionConfig(Strict):
    """One customer's settings of one solution.

    source: canonical table -> file, relative to the project's root.
    mapping: file relative to solution.yaml; absent means that columns are canonical already.
    task: which of the solution's tasks; absent means its first. settings, costs, gates: overlay the
    Solution's defaults by name.
    rules: file of rules beside the model, relative to solution.yaml; absent means none.
    review_sample: share of the daily capacity that is kept for rows drawn at random among those
    let pass, so that labels do not only come from what the model suspects.
    promote: whether a published version becomes `current` by itself.
    simulated: whether the data come from a simulator; the report then says what that means.
    """

    solution: str
    customer: str = "sample"
    source: dict[str, str]
    mapping: str | None = None
    budget: BudgetConfig = BudgetConfig(seconds=60)
    split: SplitConfig = SplitConfig()
    compression: CompressionConfig = CompressionConfig()
    task: str | None = None
    settings: dict[str, float] = {}
    costs: dict[str, float] = {}
    gates: dict[str, float] = {}
    rules: str | None = None
    review_sample: float = Field(default=0.02, ge=0, le=0.05)
    stream: StreamConfig = StreamConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    promote: Literal["auto", "manual"] = "auto"
    seed: int = 0
    simulated: bool = False

    @field_validator("solution", "customer")
    @classmethod
    def _ids(cls, value: str) -> str:
        return check_id(value, "solution.yaml")


def load_config(path: Path) -> SolutionConfig:
    """Settings in the file at `path`.

    Raises ConfigError LK115 where something in it looks like a secret, LK108 naming every faulty
    key at once.
    """
    content = load_yaml(path)
    refuse_secrets(content, where=str(path))
    return parse_model(SolutionConfig, content, where=str(path))


def parse_model(model: type[M], content: Any, *, where: str) -> M:
    """`content` as a `model`; raises ConfigError LK108 with one line a fault, unknown keys with
    the nearest known one."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = [_told(model, fault) for fault in error.errors()]
        raise ConfigError(
            "LK108",
            where=where,
            found=f"{len(faults)} key(s) cannot be used",
            remedy="mend these keys",
            details=faults,
        ) from error


def overlay(
    defaults: Mapping[str, float], given: Mapping[str, float], *, where: str
) -> dict[str, float]:
    """`defaults` with `given` on top; raises ConfigError LK109 for a name that has no default."""
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise ConfigError(
            "LK109",
            where=where,
            found=f"{len(unknown)} unknown name(s)",
            remedy=f"known are: {', '.join(sorted(defaults))}",
            details=[f"'{name}'{nearest(name, defaults)}" for name in unknown],
        )
    return {**defaults, **given}


def within(
    values: Mapping[str, float], bounds: Mapping[str, tuple[float, float]], *, where: str
) -> None:
    """Raise ConfigError LK113 naming every one of `values` outside its bounds."""
    faults = [
        f"'{name}' is {values[name]:g}, where {least:g} to {most:g} is possible"
        for name, (least, most) in sorted(bounds.items())
        if not least <= values[name] <= most
    ]
    if faults:
        raise ConfigError(
            "LK113",
            where=where,
            found=f"{len(faults)} value(s) out of bounds",
            remedy="state shares as parts of 1 and money as numbers above 0",
            details=faults,
        )


def _told(model: type[BaseModel], fault: Any) -> str:
    path = [str(part) for part in fault["loc"]]
    name = ".".join(path) or "the whole file"
    if fault["type"] == "extra_forbidden":
        return f"'{name}' is unknown{nearest(path[-1], _keys(model, path[:-1]))}"
    return f"'{name}': {fault['msg'].removeprefix('Value error, ')}"


def _keys(model: type[BaseModel], path: Iterable[str]) -> list[str]:
    """Known keys of the model that is reached from `model` by `path`."""
    for part in path:
        field = model.model_fields.get(part)
        inner = _model_in(field.annotation) if field else None
        model = inner or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first pydantic model inside a type such as `X | None` or `dict[str, X]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, UnionType, list, dict, tuple):
        return next((found for found in map(_model_in, get_args(annotation)) if found), None)
    return None
