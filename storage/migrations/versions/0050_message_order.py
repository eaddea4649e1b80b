"""The newest messages are found by an index."""

from storage.migrations.scripts import script_beside

revision = "0050"
down_revision = "0049"
upgrade = script_beside(__file__)
