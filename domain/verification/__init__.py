"""Verification: domain."""
