"""What the pictures of elements are, and a keyed digest of each."""

from storage.migrations.scripts import script_beside

revision = "0008"
down_revision = "0007"
upgrade = script_beside(__file__)
