"""Typed preprocessing steps: native in numpy, and the same arithmetic as ONNX in double."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lepton.graph.emit import ML, Builder

_SEPARATOR: Final = "\x1f"
"""Between a column's number and its level in the one dictionary of all columns."""


@dataclass(frozen=True, eq=False)
class Impute:
    """Missing numbers become `fill`, one value a column, shape (n,)."""

    fill: np.ndarray

    def apply(self, matrix: np.ndarray) -> np.ndarray:
        """The matrix (rows, n) without NaN."""
        return np.where(np.isnan(matrix), self.fill, matrix)

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the same in the graph."""
        fill = builder.constant(self.fill.reshape(1, -1))
        return builder.add("Where", builder.add("IsNaN", name), fill, name)


@dataclass(frozen=True, eq=False)
class SignedLog:
    """sign(x) ln(1 + |x|) in the columns where `mask`, shape (n,) bool, is true."""

    mask: np.ndarray

    def apply(self, matrix: np.ndarray) -> np.ndarray:
        """The matrix (rows, n) with the masked columns drawn together; NaN stays."""
        drawn = np.sign(matrix) * np.log(1.0 + np.abs(matrix))
        return np.where(self.mask, drawn, matrix)

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the same in the graph."""
        if not self.mask.any():
            return name
        above = builder.add("Add", builder.add("Abs", name), builder.constant(1.0))
        drawn = builder.add("Mul", builder.add("Sign", name), builder.add("Log", above))
        return builder.add("Where", builder.constant(self.mask.reshape(1, -1)), drawn, name)


@dataclass(frozen=True, eq=False)
class Standardize:
    """(x - mean) / scale a column, cut at +-limit so that no value overflows a sum."""

    mean: np.ndarray
    scale: np.ndarray
    limit: float = 50.0

    def apply(self, matrix: np.ndarray) -> np.ndarray:
        """The matrix (rows, n) in standard deviations from the mean."""
        with np.errstate(over="ignore"):
            scaled = (matrix - self.mean) / self.scale
        return np.asarray(np.clip(scaled, -self.limit, self.limit))

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the same in the graph."""
        centred = builder.add("Sub", name, builder.constant(self.mean.reshape(1, -1)))
        scaled = builder.add("Div", centred, builder.constant(self.scale.reshape(1, -1)))
        low, high = builder.constant(-self.limit), builder.constant(self.limit)
        return builder.add("Clip", scaled, low, high)


@dataclass(frozen=True, eq=False)
class SmoothClip:
    """x / sqrt(1 + (x / limit)^2): nearly x where it is small, never beyond +-limit.

    As the first layer of RealMLP (Holzmueller et al. 2024); x must be far from overflow.
    """

    limit: float = 3.0

    def apply(self, matrix: np.ndarray) -> np.ndarray:
        """The matrix with its outliers drawn in."""
        share = matrix / self.limit
        return np.asarray(matrix / np.sqrt(share * share + 1.0))

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the same in the graph."""
        share = builder.add("Div", name, builder.constant(self.limit))
        square = builder.add("Mul", share, share)
        root = builder.add("Sqrt", builder.add("Add", square, builder.constant(1.0)))
        return builder.add("Div", name, root)


NumericStep = Impute | SignedLog | Standardize | SmoothClip


@dataclass(frozen=True)
class OneHot:
    """A column of 0/1 for each level; "" is the missing level, a level not listed is all 0.

    levels: one tuple a categorical column, in the order of its columns.
    """

    levels: tuple[tuple[str, ...], ...]

    @property
    def width(self) -> int:
        """Number of columns that come out."""
        return sum(len(levels) for levels in self.levels)

    def apply(self, texts: np.ndarray) -> np.ndarray:
        """float64 (rows, width) from object (rows, columns)."""
        out = np.zeros((len(texts), self.width + 1))
        for column, table in enumerate(_numbered(self.levels)):
            codes = [table.get(text, self.width) for text in texts[:, column]]
            out[np.arange(len(texts)), codes] = 1.0
        return out[:, : self.width]

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the same in the graph."""
        tables = _numbered(self.levels)
        codes = _emit_codes(builder, name, tables, np.int64(self.width))
        owner = [column for column, levels in enumerate(self.levels) for _ in levels]
        spread = builder.add("Gather", codes, builder.constant(np.array(owner)), axis=1)
        is_level = builder.add(
            "Equal", spread, builder.constant(np.arange(self.width, dtype=np.int64)[None, :])
        )
        return builder.add("Cast", is_level, to=_double())


@dataclass(frozen=True)
class Lookup:
    """Each text becomes a number: `tables`, one mapping a column; else the column's default."""

    tables: tuple[Mapping[str, float], ...]
    defaults: tuple[float, ...]

    @property
    def width(self) -> int:
        """Number of columns that come out."""
        return len(self.tables)

    def apply(self, texts: np.ndarray) -> np.ndarray:
        """float64 (rows, columns) from object (rows, columns)."""
        out = np.empty(texts.shape, dtype=np.float64)
        for column, (table, default) in enumerate(zip(self.tables, self.defaults, strict=True)):
            out[:, column] = [table.get(text, default) for text in texts[:, column]]
        return out

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the same in the graph."""
        defaults = np.asarray(self.defaults, dtype=np.float64)
        if len(np.unique(defaults)) == 1:
            return _emit_codes(builder, name, self.tables, defaults[0])
        found = _emit_codes(builder, name, self.tables, np.float64(np.nan))
        default = builder.constant(defaults[None, :])
        return builder.add("Where", builder.add("IsNaN", found), default, found)


@dataclass(frozen=True)
class Preprocess:
    """Numeric steps in order, then the encoded categories to the right of them.

    n_numeric, n_categorical: numbers of columns that go in; missing: numbers of the numeric
    columns that get a 0/1 column of their own, rightmost, which is 1 where they are missing.
    """

    n_numeric: int
    numeric: tuple[NumericStep, ...] = ()
    n_categorical: int = 0
    categorical: OneHot | Lookup | None = None
    missing: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """Number of columns that come out."""
        encoded = self.categorical.width if self.categorical else 0
        return self.n_numeric + encoded + len(self.missing)

    def apply(self, numeric: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """float64 (rows, width) from float64 (rows, n_numeric) and object (rows, n_categorical)."""
        matrix = numeric
        for step in self.numeric:
            matrix = step.apply(matrix)
        sides = [matrix]
        if self.categorical is not None:
            sides.append(self.categorical.apply(texts))
        if self.missing:
            sides.append(np.isnan(numeric[:, self.missing]).astype(np.float64))
        return np.ascontiguousarray(np.hstack(sides)) if len(sides) > 1 else matrix

    def content(self) -> bytes:
        """sha256 of its ONNX: equal where the same matrix comes out, however it was stored."""
        builder = Builder()
        self.emit(builder, "numeric", "categorical")
        digest = hashlib.sha256()
        for part in (*builder.nodes, *builder.tensors):
            digest.update(part.SerializeToString(deterministic=True))
        return digest.digest()

    def emit(self, builder: Builder, numeric: str, texts: str) -> str:
        """Name of the same in the graph."""
        matrix = numeric
        for step in self.numeric:
            matrix = step.emit(builder, matrix)
        sides = [matrix] if self.n_numeric else []
        if self.categorical is not None:
            sides.append(self.categorical.emit(builder, texts))
        if self.missing:
            columns = builder.constant(np.array(self.missing, dtype=np.int64))
            picked = builder.add("Gather", numeric, columns, axis=1)
            sides.append(builder.cast(builder.add("IsNaN", picked), np.float64))
        return builder.add("Concat", *sides, axis=1) if len(sides) > 1 else sides[0]


@dataclass(frozen=True, eq=False)
class Linear:
    """A weighted sum: log-odds = matrix @ weights + intercept; weights shape (width,)."""

    weights: np.ndarray
    intercept: float

    @property
    def width(self) -> int:
        """Number of columns it reads."""
        return len(self.weights)

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Log-odds, float64 (rows,)."""
        margin: np.ndarray = matrix @ self.weights + self.intercept
        return margin

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the log-odds, shape (rows,), in the graph."""
        product = builder.add("MatMul", name, builder.constant(self.weights))
        return builder.add("Add", product, builder.constant(self.intercept))


def _numbered(levels: tuple[tuple[str, ...], ...]) -> tuple[dict[str, int], ...]:
    starts = np.cumsum([0, *(len(column) for column in levels)])
    return tuple(
        {level: int(start) + place for place, level in enumerate(column)}
        for start, column in zip(starts, levels, strict=False)
    )


def _emit_codes(
    builder: Builder, name: str, tables: tuple[Mapping[str, float], ...], default: np.generic
) -> str:
    """One dictionary for all columns: two operators instead of two for each column.

    The column's number is written before each text, so equal texts of two columns differ.
    """
    from onnx import TensorProto, helper

    from lepton.graph.emit import tensor

    keys = [f"{c}{_SEPARATOR}{text}" for c, table in enumerate(tables) for text in table]
    values = np.array([v for table in tables for v in table.values()], dtype=default.dtype)
    prefixes = np.array([[f"{c}{_SEPARATOR}" for c in range(len(tables))]], dtype=object)
    marked = builder.add("StringConcat", builder.constant(prefixes), name)
    encoded: Any = [key.encode() for key in keys]
    return builder.add(
        "LabelEncoder",
        marked,
        domain=ML,
        keys_tensor=helper.make_tensor("keys", TensorProto.STRING, [len(keys)], vals=encoded),
        values_tensor=tensor("values", values),
        default_tensor=tensor("default", np.array([default])),
    )


def _double() -> int:
    from onnx import TensorProto

    return int(TensorProto.DOUBLE)


__all__ = [
    "Impute",
    "Linear",
    "Lookup",
    "NumericStep",
    "OneHot",
    "Preprocess",
    "SignedLog",
    "SmoothClip",
    "Standardize",
]
