"""The tables of the spine."""

from storage.migrations.scripts import script_beside

revision = "0001"
down_revision = None
upgrade = script_beside(__file__)
