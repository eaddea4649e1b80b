"""What a decision was made of, kept with it."""

from storage.migrations.scripts import script_beside

revision = "0049"
down_revision = "0048"
upgrade = script_beside(__file__)
