"""An Idempotency-Key counts the attempts that were refused for reasons that passed."""

from storage.migrations.scripts import script_beside

revision = "0035"
down_revision = "0034"
upgrade = script_beside(__file__)
