"""Credit analysis: activities."""
