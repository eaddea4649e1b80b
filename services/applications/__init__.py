"""Use cases of applications: applying, elements, offers, reviews."""
