"""Products: domain."""
