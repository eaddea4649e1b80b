"""Tenants: lender, branch and channel on what later row policies filter."""

from storage.migrations.scripts import script_beside

revision = "0019"
down_revision = "0018"
upgrade = script_beside(__file__)
