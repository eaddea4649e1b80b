"""Charge-off, accrued income and released fees: their accounts and kinds of entries."""

from storage.migrations.scripts import script_beside

revision = "0032"
down_revision = "0031"
upgrade = script_beside(__file__)
