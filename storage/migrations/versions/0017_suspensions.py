"""Suspensions: what one person switches off at once."""

from storage.migrations.scripts import script_beside

revision = "0017"
down_revision = "0016"
upgrade = script_beside(__file__)
