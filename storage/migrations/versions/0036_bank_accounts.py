"""Cash by bank account: that of the debit channel, of transfers, and of payouts."""

from storage.migrations.scripts import script_beside

revision = "0036"
down_revision = "0035"
upgrade = script_beside(__file__)
