"""Pricing: api."""
