"""The source as the architecture tests read it: modules and their imports, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = {"core": ROOT / "core", "solutions": ROOT, "pipelines": ROOT}


@dataclass(frozen=True)
class Import:
    """One imported module: at the top of the file or inside a function, for types only or not."""

    name: str
    line: int
    at_top: bool
    for_types: bool


@dataclass(frozen=True)
class Module:
    """One file of the product."""

    name: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.path.read_text(encoding="utf-8"))

    @property
    def imports(self) -> list[Import]:
        """Everything it imports, wherever that stands."""
        return list(_imports(self.tree, at_top=True, for_types=False))

    def place(self, line: int) -> str:
        """`file:line`, for a person to click on."""
        return f"{self.path.relative_to(ROOT)}:{line}"


def modules(*roots: str) -> list[Module]:
    """Every module of the packages `roots` (of all three source trees where none is named)."""
    found = []
    for folder, base in FOLDERS.items():
        start = base if folder == "core" else base / folder
        for path in sorted(start.rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            if "templates" not in parts and "_kit" not in parts:
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                found.append(Module(name, path))
    return [module for module in found if not roots or module.name.split(".")[0] in roots]


def _imports(node: ast.AST, *, at_top: bool, for_types: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, at_top, for_types)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"relative import in line {child.lineno}"
            for alias in child.names:
                yield Import(f"{child.module}.{alias.name}", child.lineno, at_top, for_types)
        else:
            typed = for_types or (isinstance(child, ast.If) and "TYPE_CHECKING" in _test(child))
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from _imports(child, at_top=at_top and not inside, for_types=typed)


def _test(node: ast.If) -> str:
    return ast.unparse(node.test)
