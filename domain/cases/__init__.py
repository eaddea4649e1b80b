"""Cases: domain."""
