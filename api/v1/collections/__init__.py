"""Collections: api."""
