"""The lender's own lists, and exemptions from rules."""

from storage.migrations.scripts import script_beside

revision = "0045"
down_revision = "0044"
upgrade = script_beside(__file__)
