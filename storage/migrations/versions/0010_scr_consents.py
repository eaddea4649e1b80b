"""Consents of signers, and what became of reports that are passed on."""

from storage.migrations.scripts import script_beside

revision = "0010"
down_revision = "0009"
upgrade = script_beside(__file__)
