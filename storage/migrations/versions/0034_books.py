"""The books as a whole: accrued income, closed periods, batches, and what takes two people."""

from storage.migrations.scripts import script_beside

revision = "0034"
down_revision = "0033"
upgrade = script_beside(__file__)
