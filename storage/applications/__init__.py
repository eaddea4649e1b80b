"""Applications: storage."""
