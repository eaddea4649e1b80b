"""Use cases of products."""
