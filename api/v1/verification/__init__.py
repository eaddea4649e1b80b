"""Verification: api."""
