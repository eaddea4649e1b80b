"""Acts name what was in force when they were done: caps, consent texts, message templates."""

from storage.migrations.scripts import script_beside

revision = "0025"
down_revision = "0024"
upgrade = script_beside(__file__)
