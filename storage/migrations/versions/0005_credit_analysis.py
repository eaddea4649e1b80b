"""Credit analysis of companies and persons, as served to others."""

from storage.migrations.scripts import script_beside

revision = "0005"
down_revision = "0004"
upgrade = script_beside(__file__)
