"""Address books until they were compared; the consent to give personal information."""

from storage.migrations.scripts import script_beside

revision = "0013"
down_revision = "0012"
upgrade = script_beside(__file__)
