"""Decisioning: storage."""
