"""Definitions: versions of what the business may change, and when which came into force."""

from storage.migrations.scripts import script_beside

revision = "0015"
down_revision = "0014"
upgrade = script_beside(__file__)
