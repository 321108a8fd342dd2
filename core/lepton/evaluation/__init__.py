"""Splits, metrics, intervals, calibration, gates."""
