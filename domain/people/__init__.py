"""People: domain."""
