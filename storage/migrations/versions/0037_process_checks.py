"""Rows whose process was looked for."""

from storage.migrations.scripts import script_beside

revision = "0037"
down_revision = "0036"
upgrade = script_beside(__file__)
