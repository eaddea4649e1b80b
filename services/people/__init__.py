"""Use cases of applicants, their consents and the user centre."""
