"""Credit analyses keep the policy that they began with, and what decided and reviewed by it."""

from storage.migrations.scripts import script_beside

revision = "0020"
down_revision = "0019"
upgrade = script_beside(__file__)
