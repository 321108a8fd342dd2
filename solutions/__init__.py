"""Ready-made solutions, one folder a domain."""
