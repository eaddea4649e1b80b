"""What one can do next with a result of the command line: a command, ready to be typed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

_NEXT: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        ("app", "in_review"): ("approve {id}", "reject {id}"),
        ("app", "offered"): ("accept {id}",),
        ("app", "accepted"): ("draw {line_id}",),
        ("lin", "active"): ("draw {id}",),
        ("dra", "disbursed"): ("show {loan_id}", "advance {loan_id} --to-next"),
        ("loa", "current"): ("advance {id} --to-next", "repay {id} --payoff"),
        ("loa", "overdue"): ("repay {id}", "advance {id} --to-next"),
        ("rep", "settled"): ("show {loan_id}",),
        ("rep", "failed"): ("repay {loan_id}",),
    }
)
"""Commands by the kind of id and the state; names in braces are fields of the result."""


def next_commands(result: Mapping[str, Any]) -> list[str]:
    """Return the commands that go on from a result; none where there is nothing to do."""
    shown = result.get("loan", result)
    commands = _NEXT.get((str(shown.get("id"))[:3], str(shown.get("state"))), ())
    return [command.format_map(shown) for command in commands]
