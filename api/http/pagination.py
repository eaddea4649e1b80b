"""Pages of lists: an opaque cursor names the row after which the next page begins."""

import base64
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Query

from api.http.errors import FieldProblem, Problem
from api.http.schemas import ItemT, Page
from storage.common.rows import Cursor

MAX_LIMIT: Final = 100
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


class PageRequest:
    """Where a page begins and how long it is at most."""

    def __init__(self, after: Cursor | None, limit: int) -> None:
        self.after = after
        self.limit = limit

    def next_cursor(self, rows: Sequence[Any], at: str) -> str | None:
        """Return the cursor behind `rows`, ordered by `at`; None when they are the last."""
        if len(rows) < self.limit:
            return None
        return encode_cursor(Cursor(getattr(rows[-1], at), str(rows[-1].id)))

    def of(self, model: type[ItemT], rows: Sequence[Any], at: str) -> Page[ItemT]:
        """Return the page of `rows`, ordered by `at`, as callers see them."""
        return Page(
            items=[model.model_validate(row) for row in rows], next=self.next_cursor(rows, at)
        )

    def after_number(self) -> int:
        """Return the id behind which a list ordered by whole numbers goes on, 0 at its beginning.

        Raises the problem `invalid_cursor`.
        """
        if self.after is None:
            return 0
        if not _NUMBER.fullmatch(self.after.id):
            raise _not_a_cursor()
        return int(self.after.id)


async def _page_request(
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of a page")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 20,
) -> PageRequest:
    return PageRequest(decode_cursor(cursor) if cursor else None, limit)


Paged = Annotated[PageRequest, Depends(_page_request)]


def encode_cursor(cursor: Cursor) -> str:
    """Return the text form of a cursor."""
    text = json.dumps([cursor.at.isoformat(), cursor.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(text: str) -> Cursor:
    """Read a cursor; raises the problem `invalid_cursor`."""
    try:
        padded = text + "=" * (-len(text) % 4)
        at, row_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or not isinstance(row_id, str) or "\x00" in row_id:
            raise ValueError("not one of our cursors")
        in_utc = moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise _not_a_cursor() from None
    return Cursor(in_utc, row_id)


def _not_a_cursor() -> Problem:
    error = FieldProblem(
        field="cursor", code="invalid_cursor", message="pass `next` of a page unchanged"
    )
    return Problem("invalid_cursor", "cursor: pass `next` unchanged", errors=[error])
