"""Whom an element asks about, so that wrong attempts are counted by identity number."""

from storage.migrations.scripts import script_beside

revision = "0014"
down_revision = "0013"
upgrade = script_beside(__file__)
