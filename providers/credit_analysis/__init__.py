"""Credit analysis: providers."""
