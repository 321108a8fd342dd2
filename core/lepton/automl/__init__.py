"""Search under a budget."""
