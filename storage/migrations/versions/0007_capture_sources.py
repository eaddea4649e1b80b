"""The source at which a capture was begun."""

from storage.migrations.scripts import script_beside

revision = "0007"
down_revision = "0006"
upgrade = script_beside(__file__)
