"""Lines: storage."""
