"""A reference to a definition is its name in every table: `product/cash@7`."""

from storage.migrations.scripts import script_beside

revision = "0030"
down_revision = "0028"
upgrade = script_beside(__file__)
