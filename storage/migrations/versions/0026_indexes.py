"""Indexes for what is listed and looked up; those that nothing uses go."""

from storage.migrations.scripts import script_beside

revision = "0026"
down_revision = "0025"
upgrade = script_beside(__file__)
