"""Messaging: use cases."""
