"""Elements of the lines of a bank account, and of a bureau's report."""

from storage.migrations.scripts import script_beside

revision = "0044"
down_revision = "0043"
upgrade = script_beside(__file__)
