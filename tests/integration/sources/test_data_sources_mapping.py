"""The documentation of data sources tells every operation."""

from pathlib import Path

from sandbox.gateway import OPERATIONS

DOCUMENT = (Path(__file__).parents[3] / "docs" / "providers.md").read_text("utf-8")
OTHERS = frozenset(
    {"payments", "signing", "messaging", "email", "push", "identity_card", "liveness"}
)


def test_the_document_tells_every_operation() -> None:
    for provider, operation in OPERATIONS:
        if provider not in OTHERS:
            assert f"`{provider}/{operation}`" in DOCUMENT
