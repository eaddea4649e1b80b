"""The business rules: pure, synchronous, without clock or I/O."""
