"""Versions, pointers, promote, rollback."""
