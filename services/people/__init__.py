"""Use cases of applicants and their consents, and of the staff: the directory and authority."""
