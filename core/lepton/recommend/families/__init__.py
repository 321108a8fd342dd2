"""Families of models that rank items, one a module."""
