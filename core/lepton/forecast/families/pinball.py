"""The loss that networks of forecasts learn by."""

from __future__ import annotations

from typing import Any

import numpy as np

from lepton.forecast.scores import DECILES


def pinball(told: Any, y: Any) -> Any:
    """Mean pinball loss of deciles (n, leads, 9) against targets (n, leads), as tensors; targets
    that are not known teach nothing."""
    import torch

    levels = torch.from_numpy(DECILES.astype(np.float32))
    known = torch.isfinite(y)
    over = torch.nan_to_num(y)[..., None] - told
    each = torch.maximum(levels * over, (levels - 1) * over) * known[..., None]
    return each.sum() / (known.sum().clamp(min=1) * len(DECILES))


__all__ = ["pinball"]
