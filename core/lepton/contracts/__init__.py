"""Data contracts: parsed, compiled, kept."""
