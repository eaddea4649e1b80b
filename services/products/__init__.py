"""Products: what is in force, and what was agreed."""
