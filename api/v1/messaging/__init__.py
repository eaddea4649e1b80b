"""Messaging: api."""
