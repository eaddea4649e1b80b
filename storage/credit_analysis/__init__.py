"""Credit analysis: storage."""
