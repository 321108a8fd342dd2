"""The shape of the source: sizes, folders, error codes, public names."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from lepton import errors
from tests.architecture.source import ROOT, Module, modules

MOST_LINES = 400
FOLDERS = {"core", "solutions", "pipelines", "data_contracts", "sample_data", "tests"}
MADE = {"dist", "build"}
CODE = re.compile(r"LK\d{3,4}\Z")
CLASSES = {
    name: kind.hundred
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.LeptonError) and kind.hundred
}
ALL = modules()


def raised(module: Module) -> Iterator[tuple[str, str, int]]:
    """(name of what is called, code, line) of each call whose first argument is a code."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and CODE.match(str(first.value)):
                yield ast.unparse(node.func).split(".")[-1], str(first.value), node.lineno


def test_no_module_has_grown_past_one_idea() -> None:
    sizes = {m.name: sum(map(bool, map(str.strip, m.path.read_text().splitlines()))) for m in ALL}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}


def test_the_top_level_has_its_fixed_folders_and_no_modules() -> None:
    seen = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] not in "._"}
    assert seen - FOLDERS - MADE == set()
    assert FOLDERS - seen == set()
    assert sorted(path.name for path in ROOT.glob("*.py")) == []


def test_a_code_belongs_to_the_hundred_of_its_class() -> None:
    wrong = [
        f"{module.place(line)} {kind}({code})"
        for module in ALL
        for kind, code, line in raised(module)
        if kind in CLASSES and code[2] != str(CLASSES[kind])
    ]
    assert wrong == []


def test_a_code_is_used_by_one_part_of_the_product() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for module in ALL:
        for _, code, _ in raised(module):
            homes[code].add(".".join(module.name.split(".")[:2]))
    assert {code: sorted(names) for code, names in homes.items() if len(names) > 1} == {}


@pytest.mark.parametrize("module", ALL, ids=lambda module: module.name)
def test_public_names_exist(module: Module) -> None:
    bound = {n.id for n in ast.walk(module.tree) if isinstance(n, ast.Name)}
    bound |= {n.name for n in module.tree.body if hasattr(n, "name")}
    bound |= {line.name.rpartition(".")[2] for line in module.imports}
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names = ast.literal_eval(node.value)
            assert set(names) - bound == set()


@pytest.mark.parametrize("module", ALL, ids=lambda module: module.name)
def test_every_module_says_what_it_is(module: Module) -> None:
    assert ast.get_docstring(module.tree), "a module begins with a docstring"
