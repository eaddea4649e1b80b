"""What customers are told: events, templates, contact hours."""
