"""The embedded stack of one machine: PostgreSQL, a Temporal server and this project's processes."""
