"""Loans: storage."""
