"""Sources: activities."""
