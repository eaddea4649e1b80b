"""Pricing: domain."""
