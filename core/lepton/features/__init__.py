"""Features as data, computed in batch."""
