"""Whose the rows of the database are: a lender, its branches, and the channels of its customers.

Rows below an applicant take their tenant from it by triggers (migration 0019).
"""

from typing import Final

OWN_LENDER: Final = "own"
"""The lender of an installation that has one."""

MAIN_BRANCH: Final = "main"
"""The branch of whoever was given none."""
