"""The life of definitions: drafted, checked, released by a second person, rolled back."""
