"""Version 1 of the API, a folder an area."""
