"""Lines: api."""
