"""Loans: workflows."""
