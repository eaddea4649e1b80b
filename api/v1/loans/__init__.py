"""Loans: api."""
