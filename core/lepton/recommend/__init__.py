"""Recommendations: who took what, families that rank items for customers, rules, judgement."""
