"""No code is ever loaded from data, bundles or requests: what could do it is not in the source."""

from __future__ import annotations

import ast

from tests.architecture.source import modules

FORBIDDEN_MODULES = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "skops"}
FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "compile",
    "yaml.load",
    "yaml.full_load",
    "yaml.unsafe_load",
    "torch.load",
    "pd.read_pickle",
    "pandas.read_pickle",
}


def test_nothing_imports_a_format_that_runs_code() -> None:
    found = [
        f"{module.place(line.line)} {line.name}"
        for module in modules()
        for line in module.imports
        if line.name.split(".")[0] in FORBIDDEN_MODULES
    ]
    assert found == []


def test_nothing_calls_what_runs_code_from_data() -> None:
    found = [
        f"{module.place(node.lineno)} {ast.unparse(node.func)}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in FORBIDDEN_CALLS
    ]
    assert found == []


def test_numpy_files_are_read_without_pickles() -> None:
    found = [
        module.place(node.lineno)
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"np.load", "numpy.load"}
        and not any(
            word.arg == "allow_pickle" and ast.unparse(word.value) == "False"
            for word in node.keywords
        )
    ]
    assert found == []
