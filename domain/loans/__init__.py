"""Loans: domain."""
