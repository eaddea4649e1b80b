"""Callers and their commands, without HTTP."""

import secrets

from domain.people.principals import Principal
from services.common.commands import Command
from tests.staff import person

ALICE = Principal("applicant", "alice")
BOB = Principal("applicant", "bob")
ACME = Principal("partner", "acme")
RITA = person("reviewer", "rita")
CARL = person("collector", "carl")
CORA = person("collector", "cora")
OTTO = person("ops", "otto")


def command(caller: Principal, operation: str = "test") -> Command:
    """A command of the caller's, another one each time."""
    return Command(f"{caller.role}:{caller.subject}", operation, secrets.token_hex(8))
