"""Servicing: fees, waivers, write-offs and every kind of journal entry."""

from storage.migrations.scripts import script_beside

revision = "0003"
down_revision = "0002"
upgrade = script_beside(__file__)
