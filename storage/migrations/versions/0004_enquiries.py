"""Enquiries at third parties: their audit, cache, cost and quotas."""

from storage.migrations.scripts import script_beside

revision = "0004"
down_revision = "0003"
upgrade = script_beside(__file__)
