"""The calls a second of a source, for the whole installation."""

from storage.migrations.scripts import script_beside

revision = "0011"
down_revision = "0010"
upgrade = script_beside(__file__)
