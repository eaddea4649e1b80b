"""Credit analysis: domain."""
