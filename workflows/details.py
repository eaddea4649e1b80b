"""What operators read of a running process in the Temporal UI."""


def details_table(rows: list[tuple[str, str]]) -> str:
    """Return a two-column markdown table."""
    return "\n".join(("| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)))
