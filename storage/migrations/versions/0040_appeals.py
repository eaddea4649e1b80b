"""Appeals against automated rejections."""

from storage.migrations.scripts import script_beside

revision = "0040"
down_revision = "0039"
upgrade = script_beside(__file__)
