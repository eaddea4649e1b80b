"""Drawdowns: the contract template that they are signed under."""

from storage.migrations.scripts import script_beside

revision = "0024"
down_revision = "0023"
upgrade = script_beside(__file__)
