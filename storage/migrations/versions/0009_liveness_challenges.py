"""Challenges to a face, with the time that they hold."""

from storage.migrations.scripts import script_beside

revision = "0009"
down_revision = "0008"
upgrade = script_beside(__file__)
