"""Common: domain."""
