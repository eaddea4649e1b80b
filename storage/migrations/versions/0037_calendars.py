"""Provisional due dates follow the calendars that come into force."""

from storage.migrations.scripts import script_beside

revision = "0037"
down_revision = "0036"
upgrade = script_beside(__file__)
