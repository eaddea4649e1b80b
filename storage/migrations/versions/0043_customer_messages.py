"""The outbox of messages to customers, and where customers are reached besides their mobile."""

from storage.migrations.scripts import script_beside

revision = "0043"
down_revision = "0042"
upgrade = script_beside(__file__)
