"""The ledger by day, account and funder; an entry is checked once, as a whole."""

from storage.migrations.scripts import script_beside

revision = "0027"
down_revision = "0026"
upgrade = script_beside(__file__)
