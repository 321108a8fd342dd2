"""What starting costs: CPU seconds of each command as a multiple of an empty Python's."""

from __future__ import annotations

import resource
import subprocess
import sys

COMMANDS = {
    "python": "pass",
    "lepton --help": "import sys; sys.argv = ['lepton', '--help']; "
    "from lepton.cli.main import main; main()",
    "import lepton_edge.runtime": "import lepton_edge.runtime",
    "load the pipelines": "import pipelines.definitions",
}
ROUNDS = 5


def cpu_seconds(code: str) -> float:
    """User and system seconds of the fastest of some runs of `code` in a Python of its own."""
    spent = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


def main() -> None:
    """Print a line a command."""
    measured = {name: cpu_seconds(code) for name, code in COMMANDS.items()}
    for name, seconds in measured.items():
        sys.stdout.write(f"{name:<30}{seconds:7.2f} s  x{seconds / measured['python']:5.1f}\n")


if __name__ == "__main__":
    main()
