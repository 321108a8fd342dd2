"""Libraries of linear algebra start one thread in every process of ours, unless told otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

NAMES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TOLD = "; import os, sys; print(os.environ['OMP_NUM_THREADS'], 'numpy' in sys.modules)"


def said_by(code: str, **given: str) -> str:
    plain = {name: value for name, value in os.environ.items() if name not in NAMES}
    ran = subprocess.run(
        [sys.executable, "-c", code + TOLD],
        env={**plain, **given},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "import pipelines",
        "import lepton.cli.main as m; m.app = lambda **_: None; m.main()",
    ],
)
def test_one_thread_is_asked_for_before_numpy_is_there(code: str) -> None:
    assert said_by(code) == "1 False"
    assert said_by(code, OMP_NUM_THREADS="3") == "3 False"
