"""The ledger: a chart of accounts, funders, and trial balances at any moment."""

from storage.migrations.scripts import script_beside

revision = "0002"
down_revision = "0001"
upgrade = script_beside(__file__)
