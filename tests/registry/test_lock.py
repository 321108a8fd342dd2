"""One writer at a time, and a dead one holds nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lepton.errors import MachineError
from lepton.registry.lock import hold

HOLDER = """
import sys, time
from pathlib import Path
from lepton.registry.lock import hold
with hold(Path(sys.argv[1]), "r_first"):
    sys.stdout.write("."); sys.stdout.flush()
    sys.stdin.read()
"""


def test_r05_a_second_job_is_refused_and_a_killed_ones_lock_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    argv = [sys.executable, "-c", HOLDER, str(lock)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.read(1) == b"."
        told = rf"LK905 .*run r_first \(process {holder.pid}\) holds the lock since 2"
        with pytest.raises(MachineError, match=told), hold(lock, "r_second", wait_s=0.0):
            pass
        holder.kill()
        holder.wait()
        with hold(lock, "r_second", wait_s=0.0):
            assert json.loads(lock.read_text())["run"] == "r_second"


def test_a_holder_that_left_no_name_is_told(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with hold(lock, "first"):
        lock.write_text("torn {")
        with pytest.raises(MachineError, match="another run"), hold(lock, "second", wait_s=0.0):
            pass
