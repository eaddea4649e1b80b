"""Rows whose process was looked for."""

from storage.migrations.scripts import script_beside

revision = "0036"
down_revision = "0035"
upgrade = script_beside(__file__)
