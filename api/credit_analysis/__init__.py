"""Credit analysis: api."""
