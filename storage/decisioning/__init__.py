"""Decisioning: what is recorded."""
