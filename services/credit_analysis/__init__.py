"""Credit analysis: services."""
