"""Use cases of elements: taking them in, showing where they stand, using them again."""
