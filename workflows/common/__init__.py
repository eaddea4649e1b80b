"""Common: workflows."""
