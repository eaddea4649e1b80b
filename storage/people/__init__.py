"""People: storage."""
