"""Payments: api."""
