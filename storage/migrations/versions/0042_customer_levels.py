"""Customer levels by rules."""

from storage.migrations.scripts import script_beside

revision = "0042"
down_revision = "0041"
upgrade = script_beside(__file__)
