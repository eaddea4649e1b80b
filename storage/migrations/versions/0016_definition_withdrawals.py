"""Releases can be withdrawn before they come into force; no version of a definition is lost."""

from storage.migrations.scripts import script_beside

revision = "0016"
down_revision = "0015"
upgrade = script_beside(__file__)
