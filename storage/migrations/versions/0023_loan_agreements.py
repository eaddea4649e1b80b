"""Loans: the zone, ladder and servicing policy that were agreed, by reference."""

from storage.migrations.scripts import script_beside

revision = "0023"
down_revision = "0022"
upgrade = script_beside(__file__)
