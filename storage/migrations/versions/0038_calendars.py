"""Provisional due dates follow the calendars that come into force."""

from storage.migrations.scripts import script_beside

revision = "0038"
down_revision = "0037"
upgrade = script_beside(__file__)
