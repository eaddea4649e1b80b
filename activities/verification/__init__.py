"""Verification: activities."""
