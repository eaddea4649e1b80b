"""Verification: storage."""
