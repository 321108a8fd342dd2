"""Forecasts of many series: what was known when, models, their blend, honest intervals."""
