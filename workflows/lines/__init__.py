"""Lines: workflows."""
