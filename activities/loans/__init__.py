"""Loans: activities."""
