"""Decisioning: domain."""
