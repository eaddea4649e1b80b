"""Limits that campaigns grant, and how far each campaign came today."""

from storage.migrations.scripts import script_beside

revision = "0046"
down_revision = "0045"
upgrade = script_beside(__file__)
