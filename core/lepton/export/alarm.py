"""What a bundle says of alarms: when one is raised, of whom, and by which sensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lepton import roles
from lepton.evaluation.healthy import usual_s
from lepton.export.cases import Exportable
from lepton.export.context import BundleContext
from lepton.export.decision import groups_of, typical_values
from lepton.features.fit import SENSOR, plan_of
from lepton.features.spec import FeatureSpec, Sensors
from lepton.task import TaskKind
from lepton_edge.alarm_stream import ALARM
from lepton_edge.sensor_plan import AGE, SensorPlan

_ALARMED: Final = (TaskKind.BINARY, TaskKind.ANOMALY)
PHRASE: Final = "{} unlike a healthy asset's"


def alarm_files(model: Exportable, context: BundleContext) -> dict[str, Any]:
    """Name -> content of the bundle's file on alarms; none where there are none, where the score
    says neither how likely a failure is nor how far off, or where nothing tells one asset's
    readings from another's."""
    told, nodes = context.alarms, _sensors(context.features)
    asset = context.sample.roles.get(roles.GROUP)
    remaining = context.remaining
    is_alarmed = context.task.kind in _ALARMED or remaining is not None
    if told is None or asset is None or not nodes or not is_alarmed:
        return {}
    plans = [plan_of(node) for node in nodes]
    level = model.threshold if remaining is None else remaining.risk_at(context.soon_h)
    spec = told.rule.spec(level, usual_s(context.sample))
    content = {
        "spec": spec.to_json(),
        "columns": {"asset": asset, "life": nodes[0].by},
        "sensors": [plan.sensors[at] for plan in plans for at in plan.kept],
        "reasons": {
            "groups": _groups((*model.numeric, *model.categorical), plans, told.phrases),
            "typical": typical_values(model, context.sample),
        },
    }
    if context.hazard is not None:
        content["hazard"] = {"age": AGE, "plan": context.hazard.to_json()}
    if remaining is not None:
        content["remaining"] = remaining.to_json()
    if context.similar is not None:
        content["similar"] = context.similar.to_json()
    return {ALARM: content}


def _sensors(spec: FeatureSpec) -> list[Sensors]:
    return [node for node in spec.nodes if isinstance(node, Sensors)]


def _groups(
    features: Sequence[str], plans: Sequence[SensorPlan], phrases: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """All features of one sensor under its name; the others under the phrases that fit them."""
    of_sensor = {
        feature: PHRASE.format(plan.sensors[at].removeprefix(SENSOR).replace("_", " "))
        for plan in plans
        for at in plan.kept
        for feature in (f"{plan.sensors[at]}_{what}" for what in plan.what)
    }
    groups: dict[str, list[str]] = {}
    for feature in features:
        if feature in of_sensor:
            groups.setdefault(of_sensor[feature], []).append(feature)
    told = [{"phrase": phrase, "features": names} for phrase, names in groups.items()]
    return told + groups_of([name for name in features if name not in of_sensor], phrases)


__all__ = ["PHRASE", "alarm_files"]
