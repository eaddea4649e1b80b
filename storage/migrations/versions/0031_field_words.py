"""Tables are called what people call their rows."""

from storage.migrations.scripts import script_beside

revision = "0031"
down_revision = "0030"
upgrade = script_beside(__file__)
