"""Use cases of credit analyses."""
