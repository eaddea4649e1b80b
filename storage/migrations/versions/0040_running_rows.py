"""Indexes of rows that run, by id: the sweep for missing processes and new calendars."""

from storage.migrations.scripts import script_beside

revision = "0040"
down_revision = "0039"
upgrade = script_beside(__file__)
