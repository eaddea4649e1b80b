"""What operators read of a running process in the Temporal UI."""

from collections.abc import Iterable

from domain.applications.application import ElementRecord


def details_table(rows: list[tuple[str, str]]) -> str:
    """Return a two-column markdown table."""
    return "\n".join(("| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)))


def element_rows(records: Iterable[ElementRecord]) -> list[tuple[str, str]]:
    """Return where elements stand, a row each."""
    return [(f"element {item.kind}", _verdict_text(item)) for item in records]


def _verdict_text(item: ElementRecord) -> str:
    notes = [note for note in (item.reason, "from before" if item.reused else None) if note]
    return item.verdict + (f" ({', '.join(notes)})" if notes else "")
