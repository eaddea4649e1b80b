"""Products: api."""
