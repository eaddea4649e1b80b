"""Lines: activities."""
