"""`python -m lepton`: the same as the command `lepton`."""

from __future__ import annotations

from lepton.cli.main import main

if __name__ == "__main__":
    main()
