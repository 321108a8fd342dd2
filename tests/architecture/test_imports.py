"""Who may import whom: DESIGN's picture, read from the source."""

from __future__ import annotations

import sys

import pytest

from tests.architecture.source import Import, Module, modules

TIERS = (
    {
        "errors",
        "roles",
        "task",
        "names",
        "strict_yaml",
        "progress",
        "run_clock",
        "threads",
        "dataset",
        "secrets",
        "workspace",
    },
    {"alarms", "config", "frames", "evaluation", "csv_safe"},
    {"contracts", "features", "graph", "rules"},
    {"automl", "registry"},
    {"compress", "forecast", "recommend"},
    {"export", "monitor"},
    {"solution"},
    {"context", "report"},
    {
        "anomaly",
        "conditions",
        "copies",
        "decisions",
        "forecast_batch",
        "forecast_pages",
        "forecasting",
        "hierarchies",
        "recommending",
        "lifetimes",
        "nearcasting",
        "nearwatch",
        "remaining",
        "routes",
        "run_facts",
        "similar",
        "stages",
    },
    {"benching", "forecast_agreement", "reforecast", "scout", "stored"},
    {"scoring"},
    {"parity"},
    {"clone", "doctor", "testing"},
    {"cli"},
    {"__main__"},
)
TIER = {name: number for number, names in enumerate(TIERS) for name in names}
STDLIB = sys.stdlib_module_names
NETWORK = {"socket", "http", "urllib", "requests", "aiohttp", "ftplib", "smtplib"}
ALL = modules()


def root(name: str) -> str:
    return name.split(".")[0]


def part(name: str) -> str:
    """`lepton.features.spec.Node` -> `features`; the package itself is ``."""
    return name.split(".")[1] if "." in name else ""


def within(module: Module, *packages: str) -> bool:
    return any(module.name == name or module.name.startswith(name + ".") for name in packages)


def faults(found: list[tuple[Module, Import]]) -> list[str]:
    return [f"{module.place(line.line)} imports {line.name}" for module, line in found]


def importing(name: str) -> list[tuple[Module, Import]]:
    return [(m, i) for m in ALL for i in m.imports if root(i.name) == name]


def test_every_part_of_the_library_has_a_tier() -> None:
    parts = {part(module.name) for module in modules("lepton")} - {""}
    assert parts - set(TIER) == set()


def test_a_part_imports_only_parts_below_it() -> None:
    found = [
        (module, line)
        for module in modules("lepton")
        for line in module.imports
        if root(line.name) == "lepton" and part(line.name) in TIER and part(module.name) in TIER
        if part(line.name) != part(module.name)
        if TIER[part(line.name)] > TIER[part(module.name)]
    ]
    assert faults(found) == []


def test_the_edge_runtime_needs_only_numpy_and_onnxruntime() -> None:
    allowed = {*STDLIB, "numpy", "onnxruntime", "lepton_edge"}
    found = [
        (m, i) for m in modules("lepton_edge") for i in m.imports if root(i.name) not in allowed
    ]
    assert faults(found) == []


def test_only_pipelines_imports_dagster() -> None:
    found = [(m, i) for m, i in importing("dagster") if not within(m, "pipelines")]
    assert faults(found) == []


def test_great_expectations_stays_inside_functions_of_contracts() -> None:
    found = [
        (m, i)
        for m, i in importing("great_expectations")
        if not within(m, "lepton.contracts") or (i.at_top and not i.for_types)
    ]
    assert faults(found) == []


def test_torch_stays_inside_families_nets_and_compression() -> None:
    homes = (
        "lepton.automl.families",
        "lepton.forecast.families",
        "lepton.recommend.families",
        "lepton.graph.nets",
        "lepton.compress",
    )
    assert faults([(m, i) for m, i in importing("torch") if not within(m, *homes)]) == []


def test_a_solution_knows_the_library_and_nothing_else_of_ours() -> None:
    forbidden = {"pipelines", "dagster", "great_expectations", "onnx", "onnxruntime", *NETWORK}
    found = [
        (module, line)
        for module in modules("solutions")
        for line in module.imports
        if root(line.name) in forbidden
        or line.name.startswith("lepton.cli")
        or (root(line.name) == "solutions" and part(line.name) != part(module.name))
    ]
    assert faults(found) == []


def test_pipelines_is_imported_by_one_command_at_a_time() -> None:
    found = [
        (m, i)
        for m, i in importing("pipelines")
        if not within(m, "pipelines")
        if not within(m, "lepton.cli") or (i.at_top and not i.for_types)
    ]
    assert faults(found) == []


def test_the_library_names_no_solution() -> None:
    assert faults([(m, i) for m, i in importing("solutions") if within(m, "lepton")]) == []


def test_the_command_line_starts_light() -> None:
    light = {*STDLIB, "typer"}
    ours = ("lepton.cli", "lepton.errors", "lepton.threads", "lepton_edge.errors")
    found = [
        (module, line)
        for module in modules("lepton")
        if within(module, "lepton.cli")
        for line in module.imports
        if line.at_top and not line.for_types
        if root(line.name) not in light and line.name != "lepton"
        if not line.name.startswith(ours)
    ]
    assert faults(found) == []


def edges(package: str) -> dict[str, set[str]]:
    """Module -> modules of `package` that must be loaded before it is.

    Inside a function it may name a neighbour that builds on it: a public verb, a protocol.
    """
    names = {module.name for module in modules(package)}
    graph: dict[str, set[str]] = {}
    for module in modules(package):
        wanted = {i.name for i in module.imports if i.at_top and not i.for_types}
        targets = {n if n in names else n.rpartition(".")[0] for n in wanted} & names
        graph[module.name] = targets - {package, module.name}
    return graph


@pytest.mark.parametrize("package", ["lepton", "lepton_edge", "pipelines", "solutions"])
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    graph = edges(package)
    while True:
        used = set().union(*graph.values())
        ends = {name for name in graph if not graph[name] or name not in used}
        if not ends:
            break
        graph = {name: graph[name] - ends for name in graph if name not in ends}
    assert {name: sorted(targets) for name, targets in graph.items()} == {}
