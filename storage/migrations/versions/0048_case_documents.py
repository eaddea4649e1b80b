"""Looks at personal data, judgements of single documents, and files of applications."""

from storage.migrations.scripts import script_beside

revision = "0048"
down_revision = "0047"
upgrade = script_beside(__file__)
