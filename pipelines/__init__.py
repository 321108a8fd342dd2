"""Dagster pipelines: the only code that imports Dagster."""

from lepton.threads import one_thread_each

one_thread_each()
