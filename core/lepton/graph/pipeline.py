"""One typed graph from a row's features to its score and decision, and the ONNX it becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from lepton.errors import ExportError
from lepton.evaluation.calibration import Calibration
from lepton.graph.ellipsoid import Ellipsoid
from lepton.graph.emit import Builder
from lepton.graph.nets import Network
from lepton.graph.nodes import Linear, Preprocess
from lepton.graph.trees import Trees

if TYPE_CHECKING:
    from onnx import ModelProto

NUMERIC: Final = "numeric"
CATEGORICAL: Final = "categorical"
SCORE: Final = "score"
DECISION: Final = "decision"


Predictor = Trees | Linear | Network | Ellipsoid
"""What turns a matrix into log-odds, the same in numpy and in ONNX."""


@dataclass(frozen=True)
class Branch:
    """One way from the features to log-odds, and its share in their sum."""

    preprocess: Preprocess
    predictor: Predictor
    weight: float = 1.0


@dataclass(frozen=True)
class Graph:
    """branches -> weighted sum -> calibration -> decision, for one binary task.

    numeric, categorical: names of the features that go into every branch, in order;
    threshold: the decision is 1 where the score reaches it.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    branches: tuple[Branch, ...]
    calibration: Calibration
    threshold: float

    def margin(self, numeric: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Log-odds before calibration, in numpy, float64 (rows,)."""
        total = np.zeros(len(numeric))
        for branch in self.branches:
            matrix = branch.preprocess.apply(numeric, texts)
            total += branch.weight * branch.predictor.margin(matrix)
        return total

    def score(self, numeric: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Calibrated probabilities in numpy, float64 (rows,)."""
        return self.calibration.apply(self.margin(numeric, texts))

    def with_threshold(self, threshold: float) -> Graph:
        """The graph that decides at `threshold`."""
        return replace(self, threshold=threshold)

    def to_onnx(
        self, metadata: Mapping[str, str] | None = None, *, opsets: dict[str, int] | None = None
    ) -> bytes:
        """The ONNX file: double throughout, every tensor inside, deterministic bytes.

        Inputs `numeric` double (rows, features) and `categorical` string (rows, features), each
        only where there are such features; outputs `score` double and `decision` int64 (rows,).
        Raises ExportError LK502 on an operator the opset lacks, LK503 where the parts do not fit.
        """
        self._check()
        builder = Builder(opsets)
        margin = self._emit_margin(builder)
        self._emit_decision(builder, emit_calibration(builder, margin, self.calibration))
        model = self._model(builder, metadata or {})
        return bytes(model.SerializeToString(deterministic=True))

    def _check(self) -> None:
        sides = [
            side
            for branch in self.branches
            for side in (
                (len(self.numeric), branch.preprocess.n_numeric, "numeric features"),
                (len(self.categorical), branch.preprocess.n_categorical, "categorical features"),
                (branch.preprocess.width, branch.predictor.width, "columns for the predictor"),
            )
        ]
        for found, needed, what in sides or [(0, 1, "branches")]:
            if found != needed:
                raise ExportError(
                    "LK503",
                    where="graph",
                    found=f"{found} {what}, where {needed} are expected",
                    remedy="fit the model again on the features it is exported with",
                )

    def _emit_margin(self, builder: Builder) -> str:
        """Name of the summed log-odds; branches with equal steps share their matrix."""
        matrices: dict[bytes, str] = {}
        terms = []
        for branch in self.branches:
            key = branch.preprocess.content()
            if key not in matrices:
                matrices[key] = branch.preprocess.emit(builder, NUMERIC, CATEGORICAL)
            margin = branch.predictor.emit(builder, matrices[key])
            terms.append(
                margin
                if branch.weight == 1.0
                else builder.add("Mul", margin, builder.constant(branch.weight))
            )
        total = terms[0]
        for term in terms[1:]:
            total = builder.add("Add", total, term)
        return total

    def _emit_decision(self, builder: Builder, score: str) -> None:
        from onnx import TensorProto

        builder.add("Identity", score, output=SCORE)
        reached = builder.add("GreaterOrEqual", score, builder.constant(self.threshold))
        builder.add("Cast", reached, output=DECISION, to=int(TensorProto.INT64))

    def _model(self, builder: Builder, metadata: Mapping[str, str]) -> ModelProto:
        sides = ((NUMERIC, np.float64, self.numeric), (CATEGORICAL, np.object_, self.categorical))
        described = {
            **metadata,
            "lepton.numeric": json.dumps(self.numeric),
            "lepton.categorical": json.dumps(self.categorical),
            "lepton.threshold": repr(float(self.threshold)),
        }
        return builder.model(
            {n: (np.dtype(kind), ["rows", len(f)]) for n, kind, f in sides if f},
            {
                SCORE: (np.dtype(np.float64), ["rows"]),
                DECISION: (np.dtype(np.int64), ["rows"]),
            },
            described,
        )


def emit_calibration(builder: Builder, margin: str, calibration: Calibration) -> str:
    """Name of the probability: sigmoid(a ln p - b ln(1-p) + c); ln(1-p) = ln p - z, one softplus.

    softplus(-z) = max(-z, 0) + ln(1 + exp(-|z|)); ORT has no Softplus in double.
    """
    if calibration.knots:
        return builder.add("Sigmoid", _emit_knots(builder, margin, calibration))
    a, b, c = calibration.a, calibration.b, calibration.c
    if (a, b, c) == (1.0, 1.0, 0.0):
        return builder.add("Sigmoid", margin)
    logit = builder.add("Mul", margin, builder.constant(b))
    if a != b:
        turned = builder.add(
            "Mul", _emit_softplus_of_minus(builder, margin), builder.constant(b - a)
        )
        logit = builder.add("Add", logit, turned)
    return builder.add("Sigmoid", builder.add("Add", logit, builder.constant(c)))


def _emit_knots(builder: Builder, margin: str, calibration: Calibration) -> str:
    """margin + shift + sum of turns * max(margin - hinge, 0): straight lines between knots."""
    at, turns = calibration.hinges
    shift = builder.constant(calibration.knots[0][1] - calibration.knots[0][0])
    column = builder.add("Unsqueeze", margin, builder.constant(np.array([1], dtype=np.int64)))
    above = builder.add("Sub", column, builder.constant(at.reshape(1, -1)))
    risen = builder.add(
        "MatMul", builder.add("Max", above, builder.constant(0.0)), builder.constant(turns)
    )
    return builder.add("Add", builder.add("Add", margin, shift), risen)


def _emit_softplus_of_minus(builder: Builder, margin: str) -> str:
    small = builder.add("Exp", builder.add("Neg", builder.add("Abs", margin)))
    log = builder.add("Log", builder.add("Add", small, builder.constant(1.0)))
    positive = builder.add("Max", builder.add("Neg", margin), builder.constant(0.0))
    return builder.add("Add", positive, log)


__all__ = [
    "CATEGORICAL",
    "DECISION",
    "NUMERIC",
    "SCORE",
    "Branch",
    "Graph",
    "Predictor",
    "emit_calibration",
]
