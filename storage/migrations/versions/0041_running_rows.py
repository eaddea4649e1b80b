"""Indexes of rows that run, by id: the sweep for missing processes and new calendars."""

from storage.migrations.scripts import script_beside

revision = "0041"
down_revision = "0040"
upgrade = script_beside(__file__)
