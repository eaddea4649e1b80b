"""Credit analysis: workflows."""
