"""The command that lists what an installation has."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

import typer

from local.story.client import Answer
from local.story.command_line import command
from local.story.stage import Stage

What = Literal["applications", "cases", "loans", "tasks", "analyses"]

_LISTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "applications": ("ops", "/v1/applications"),
        "cases": ("reviewer", "/v1/cases"),
        "loans": ("ops", "/v1/loans"),
        "tasks": ("collector", "/v1/collections/tasks"),
        "analyses": ("reviewer", "/v1/credit-analyses"),
    }
)
"""Who may read each list, and where it is."""

_PAGE: Final = 100

lists = typer.Typer()


Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Only those, such as state=overdue; repeatable. A wrong name is told with the right"
        " ones.",
    ),
]
Most = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many at most.")]


@command(lists, "list")
async def list_(
    stage: Stage,
    what: Annotated[What, typer.Argument()],
    where: Where = None,
    limit: Most = 20,
) -> Answer:
    """List applications, cases, loans, call tasks or credit analyses, the newest first."""
    role, path = _LISTS[what]
    conditions = dict(_condition(text) for text in where or ())
    pages = stage.api.pages(role, path, limit=min(limit, _PAGE), **conditions)
    found: list[Answer] = []
    async for one in pages:
        found.append(one)
        if len(found) == limit:
            break
    return {what: found}


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise typer.BadParameter("write a condition as name=value, such as state=in_review")
    return name, value
