"""Callers and their commands, without HTTP."""

import secrets

from domain.people.principals import Principal
from services.common.commands import Command

ALICE = Principal("applicant", "alice")
BOB = Principal("applicant", "bob")
ACME = Principal("partner", "acme")
RITA = Principal("reviewer", "rita")
CARL = Principal("collector", "carl")
CORA = Principal("collector", "cora")
OTTO = Principal("ops", "otto")


def command(caller: Principal, operation: str = "test") -> Command:
    """A command of the caller's, another one each time."""
    return Command(f"{caller.role}:{caller.subject}", operation, secrets.token_hex(8))
