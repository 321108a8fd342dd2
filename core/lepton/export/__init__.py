"""Bundles and parity."""
