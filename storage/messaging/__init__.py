"""Messaging: storage."""
