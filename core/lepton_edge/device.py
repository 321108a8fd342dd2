"""What this machine is, in one line."""

from __future__ import annotations

import platform
from pathlib import Path


def device_name() -> str:
    """Processor, architecture, system and runtime version; never a host name."""
    import onnxruntime as ort

    return ", ".join(
        (_processor(), platform.machine(), platform.system(), f"onnxruntime {ort.__version__}")
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown processor")


__all__ = ["device_name"]
