"""Applications: domain."""
