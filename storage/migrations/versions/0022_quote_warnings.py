"""Quotes: the soft rate caps that a quoted plan is above."""

from storage.migrations.scripts import script_beside

revision = "0022"
down_revision = "0021"
upgrade = script_beside(__file__)
