"""Decisioning: routes."""
