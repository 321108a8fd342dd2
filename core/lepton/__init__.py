"""Lepton Kit: from raw tables to a sealed model on the customer's own hardware."""

from __future__ import annotations

__version__ = "0.1.0"
