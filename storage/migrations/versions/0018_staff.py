"""The staff directory: people, roles, teams, skills and deputies."""

from storage.migrations.scripts import script_beside

revision = "0018"
down_revision = "0017"
upgrade = script_beside(__file__)
