"""Decisioning: what decides."""
