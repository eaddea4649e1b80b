"""Lists say on every day how late a loan is."""

from storage.migrations.scripts import script_beside

revision = "0033"
down_revision = "0032"
upgrade = script_beside(__file__)
