"""Common: activities."""
