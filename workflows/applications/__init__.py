"""Applications: workflows."""
