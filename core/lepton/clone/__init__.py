"""Making a customer's project."""
