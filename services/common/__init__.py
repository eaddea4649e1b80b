"""What the use cases of every area share."""
