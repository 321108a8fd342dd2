"""Smaller artefacts, accepted on a bound."""
