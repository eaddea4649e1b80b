"""Which versions of product, element policies and decision policy were agreed."""

from storage.migrations.scripts import script_beside

revision = "0021"
down_revision = "0020"
upgrade = script_beside(__file__)
