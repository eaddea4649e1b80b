"""The definitions that are shipped as files, loaded when an installation is set up."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from domain.common.definitions import Finding, Kind, canonical, digest
from domain.definitions import KINDS
from runtime.clock import utc_now
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository, DefinitionState

CATALOGUE: Final = Path(__file__).parents[2] / "catalogue"
"""A folder a kind, a file a definition: `catalogue/product/cash.toml`."""

SHIPPED: Final = "system:catalogue"
"""Who drafted what came as a file."""


class InvalidShippedDefinition(Exception):
    """A file of the catalogue is wrong; every finding names its file and field."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """One file, read."""

    kind: Kind[Any]
    code: str
    content: BaseModel


class Files:
    """The contents of the catalogue, by kind and code: what is in force of a fresh installation."""

    def __init__(self, contents: Mapping[tuple[str, str], BaseModel]) -> None:
        self._contents = contents
        self.on = utc_now().date()

    def find(self, kind: str, code: str) -> BaseModel | None:
        """Return the content of a file, None if there is none."""
        return self._contents.get((kind, code))


def shipped(folder: Path = CATALOGUE) -> tuple[Shipped, ...]:
    """Read every file; raises `InvalidShippedDefinition` with everything that is wrong."""
    drafts = dict(_drafts(folder))
    contents: dict[tuple[str, str], BaseModel] = {}
    wrong: list[str] = []
    for (kind, code), draft in drafts.items():
        try:
            contents[kind, code] = KINDS[kind].model.model_validate(draft)
        except ValueError:
            wrong += _complaints(kind, code, KINDS[kind].findings(draft, Files({}), code))
    if not wrong:
        for (kind, code), draft in drafts.items():
            wrong += _complaints(kind, code, KINDS[kind].findings(draft, Files(contents), code))
    if wrong:
        raise InvalidShippedDefinition("\n".join(wrong))
    return tuple(Shipped(KINDS[kind], code, content) for (kind, code), content in contents.items())


async def load_shipped(tx: Transaction, folder: Path = CATALOGUE) -> None:
    """Record the shipped definitions that are not recorded yet.

    The first version of a definition is released at once: an installation has to begin with
    something. A changed file only becomes a checked version, which a person releases.
    """
    repository = DefinitionRepository(tx)
    for one in shipped(folder):
        versions = await repository.versions(one.kind.name, one.code)
        if digest(canonical(one.content)) in {row.sha256 for row in versions}:
            continue
        row = await repository.insert(
            one.kind.name,
            one.code,
            one.content,
            note="shipped",
            drafted_by=SHIPPED,
            state=DefinitionState.CHECKED,
        )
        if not versions:
            await repository.release(
                row, effective_from=utc_now(), reason="shipped", released_by=SHIPPED
            )


def _drafts(folder: Path) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for file in sorted(folder.glob("*/*.toml")):
        if file.parent.name not in KINDS:
            raise InvalidShippedDefinition(f"{file}: there is no kind {file.parent.name!r}")
        text = file.read_text(encoding="utf-8")
        yield (file.parent.name, file.stem), tomllib.loads(text, parse_float=Decimal)


def _complaints(kind: str, code: str, findings: tuple[Finding, ...]) -> list[str]:
    return [f"catalogue/{kind}/{code}.toml: {one.field}: {one.message}" for one in findings]
