"""People: the staff directory, who a token acts as, and what they may decide."""
