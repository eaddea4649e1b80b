"""Use cases of loans: reading, repaying and servicing."""
