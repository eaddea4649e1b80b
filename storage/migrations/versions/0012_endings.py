"""What became of elements without a verdict."""

from storage.migrations.scripts import script_beside

revision = "0012"
down_revision = "0011"
upgrade = script_beside(__file__)
