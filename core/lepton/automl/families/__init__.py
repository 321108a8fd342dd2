"""Families of candidates, one a file."""
