"""An account for money that came back and is owed again."""

from storage.migrations.scripts import script_beside

revision = "0039"
down_revision = "0038"
upgrade = script_beside(__file__)
