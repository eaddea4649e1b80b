"""A contract of import-linter: which areas an area may import, in whatever layer.

`may_import` is the whole list. Plumbing (`common`, `http`, `runtime`, registries) is nobody's area
and open to all.
"""

from typing import Any, Final

from grimp import ImportGraph
from importlinter.application import output
from importlinter.domain import fields
from importlinter.domain.contract import Contract, ContractCheck

AREAS: Final = frozenset(
    {
        "applications",
        "cases",
        "collections",
        "credit_analysis",
        "decisioning",
        "definitions",
        "lines",
        "loans",
        "messaging",
        "payments",
        "people",
        "precredit",
        "pricing",
        "products",
        "sources",
        "verification",
    }
)
"""Every business area: a new one is added here, and says what it imports in `pyproject.toml`."""

REGISTRIES: Final = frozenset({"domain.definitions"})
"""Lists to which every area adds something: they import all, and are nobody's."""

LAYERS: Final = frozenset(
    {"domain", "messages", "storage", "providers", "services", "workflows", "activities", "api"}
)


def area_of(module: str) -> str | None:
    """Return the area of a module, None for plumbing and what is no layer."""
    layer, *path = module.split(".")
    if layer not in LAYERS or module in REGISTRIES:
        return None
    if path[:1] == ["v1"]:
        path = path[1:]
    return path[0] if path and path[0] in AREAS else None


def edges(graph: ImportGraph, area: str) -> set[tuple[str, str]]:
    """Return the imports from modules of an area into those of others: importer, imported."""
    return {
        (importer, imported)
        for importer in graph.modules
        if area_of(importer) == area
        for imported in graph.find_modules_directly_imported_by(importer)
        if area_of(imported) not in (None, area)
    }


class AreaContract(Contract):
    """An area imports only the areas listed for it."""

    type_name = "area"

    area = fields.StringField()
    may_import = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find every import of an area that is not listed."""
        area: Any = self.area
        listed: Any = self.may_import
        allowed = set(listed or ())
        broken = sorted(pair for pair in edges(graph, area) if area_of(pair[1]) not in allowed)
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print what imports what."""
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported}")
