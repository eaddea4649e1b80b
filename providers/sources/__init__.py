"""Sources: providers."""
