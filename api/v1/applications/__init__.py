"""Applications: api."""
