"""Common: storage."""
