"""Use cases: one function each, given a transaction; they know neither HTTP nor Temporal."""
