"""Decisioning: activities."""
