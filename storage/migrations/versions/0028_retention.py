"""What is kept for a stated time is found by its age."""

from storage.migrations.scripts import script_beside

revision = "0028"
down_revision = "0027"
upgrade = script_beside(__file__)
