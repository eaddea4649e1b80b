"""The durable processes: they decide what happens next and never do I/O."""
