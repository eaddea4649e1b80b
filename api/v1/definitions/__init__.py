"""Definitions: api."""
