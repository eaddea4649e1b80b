"""Verification: workflows."""
