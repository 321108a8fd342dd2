"""A graph of forecasts that grows: its inputs, and what the parts of it share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Final

import numpy as np

from lepton.forecast.scores import DECILES
from lepton.graph.emit import Builder

X: Final = "X"
SHAPE: Final = "shape"


class Scope:
    """A graph that grows, and what its parts share: features by name, the anchor, flat rows."""

    def __init__(
        self,
        builder: Builder,
        names: tuple[str, ...],
        n_leads: int,
        step_s: int,
        shape_width: int = 0,
    ) -> None:
        self.builder, self.names, self.shape_width = builder, names, shape_width
        self.n_leads, self.step_s = n_leads, step_s
        self._columns: dict[str, str] = {}
        self._parts: dict[str, str] = {}

    def once(self, key: str, emit: Callable[[], str]) -> str:
        """What `emit` adds to the graph, added once for each key."""
        if key not in self._parts:
            self._parts[key] = emit()
        return self._parts[key]

    def column(self, name: str) -> str:
        """One feature, (n, leads)."""
        if name not in self._columns:
            place = self.builder.constant(np.array(self.names.index(name)))
            self._columns[name] = self.builder.add("Gather", X, place, axis=2)
        return self._columns[name]

    def columns(self, names: tuple[str, ...]) -> str:
        """Several features, (n, leads, names)."""
        places = np.array([self.names.index(name) for name in names])
        return self.builder.add("Gather", X, self.builder.constant(places), axis=2)

    def known_or(self, found: str, other: str) -> str:
        """`found`, and `other` where it is NaN."""
        return self.builder.add("Where", self.builder.add("IsNaN", found), other, found)

    def last_axis(self, name: str) -> str:
        """The same with an axis of 1 at the end."""
        return self.builder.add("Unsqueeze", name, self.builder.constant(np.array([-1])))

    def by_lead(self, rows: str) -> str:
        """(n, leads) from what belongs to flat rows."""
        return self.builder.add(
            "Reshape", rows, self.builder.constant(np.array([-1, self.n_leads]))
        )

    @cached_property
    def rows(self) -> str:
        """X as rows, (n * leads, features)."""
        shape = self.builder.constant(np.array([-1, len(self.names)]))
        return self.builder.add("Reshape", X, shape)

    @cached_property
    def anchor(self) -> str:
        """Where points start from, as `families.base.anchor` does, (n, leads)."""
        found = self.known_or(self.column("day_mean"), self.builder.constant(0.0))
        for name in ("week_1", "recent_1"):
            found = self.known_or(self.column(name), found)
        return found

    def ordered(self, quantiles: str) -> str:
        """Deciles rearranged so that none crosses another."""
        return _sorted(self.builder, quantiles)


def _sorted(builder: Builder, quantiles: str) -> str:
    from onnx import helper

    name = f"topk_{len(builder.nodes)}"
    k = builder.constant(np.array([len(DECILES)]))
    node = helper.make_node(
        "TopK", [quantiles, k], [name, f"{name}_places"], axis=-1, largest=0, sorted=1
    )
    builder.nodes.append(node)
    return name


__all__ = ["SHAPE", "Scope", "X"]
