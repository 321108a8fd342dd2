"""Dagster pipelines: the only code that imports Dagster."""
