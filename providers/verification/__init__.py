"""Verification: providers."""
