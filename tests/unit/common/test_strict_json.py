"""JSON is refused before it costs more than its length is worth (fault list, S1)."""

import json
from contextlib import suppress
from time import process_time
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.json_shape import LIMITS, Shape, TooMuch, check_shape
from services.common.strict_json import InvalidJson, parse_strictly

MEGABYTE: Final = 1024 * 1024
HOSTILE: Final = {
    "empty objects": b"{},",
    "open lists": b"[",
    "open objects": b'{"a":',
    "closed lists": b"]",
    "commas": b",",
    "numbers": b"1,",
    "digits": b"9",
    "quotes": b'"',
    "escaped quotes": b'\\"',
    "backslashes": b"\\",
    "texts": b'"a",',
    "names": b'"a":1,',
    "marks": "\u0300\u0327".encode(),
    "marks in half width": "\u0300\uff9e".encode(),
    "escaped marks": b"\\u0300\\u0327",
    "points": "。".encode(),
    "letters": "信".encode(),
    "half pairs": b"\\ud800",
    "spaces": b" ",
    "colons": b":",
}


def read(raw: bytes) -> float:
    """Return the processor's seconds that it takes to read or refuse a body."""
    before = process_time()
    with suppress(InvalidJson):
        parse_strictly(raw)
    return process_time() - before


@pytest.mark.parametrize("around", [b"%b", b"[%b", b'{"a":"%b', b'["%b"]', b'{"a":[%b]}'])
@pytest.mark.parametrize("what", HOSTILE)
def test_a_megabyte_of_anything_is_done_with_at_once(what: str, around: bytes) -> None:
    unit = HOSTILE[what]
    raw = around.replace(b"%b", unit * (MEGABYTE // len(unit)))
    assert min(read(raw) for _ in range(2)) < 0.2


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"[" + b",".join([b"{}"] * (LIMITS.items + 1)) + b"]", "A list of the body has more"),
        (
            b"{" + b",".join(b'"n%d":1' % n for n in range(LIMITS.names + 1)) + b"}",
            "An object of the body has more than 500 fields",
        ),
        (b"[" * (LIMITS.levels + 1), "nests more than 32 levels"),
        (b"[" + b",".join([b"[" + b"1," * 999 + b"1]"] * 51) + b"]", "more than 50,000 values"),
        (('"a' + "\u0301" * 62 + '"').encode(), "more than 30 marks"),
    ],
)
def test_what_is_too_much_is_named(raw: bytes, words: str) -> None:
    with pytest.raises(InvalidJson, match=words):
        parse_strictly(raw)


def test_what_stands_in_a_text_does_not_count() -> None:
    text = "[{,}]\\" * 20_000
    raw = b'{"note": "' + text.replace("\\", "\\\\").encode() + b'"}'
    assert parse_strictly(raw) == {"note": text}


def test_texts_with_many_marks_are_still_read() -> None:
    """Vietnamese, Thai and emoji put several marks behind one letter, never thirty."""
    for text in ("Nguyễn Thị", "กำ่ำ่", "👨\u200d👩\u200d👧", "e\u0301\u0323\u0302"):
        assert parse_strictly(f'"{text}"'.encode()) == text


def test_a_byte_order_mark_is_skipped() -> None:
    """RFC 8259, section 8.1: a parser may ignore one; editors of Windows write it."""
    assert parse_strictly(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(JSON)
def test_the_count_is_that_of_the_parsed_value(value: object) -> None:
    """What is as long as may be is let through, and one more is refused.

    An empty list or object counts twice, as what it could hold: hence two for each value.
    """
    raw = json.dumps(value).encode()
    lists, names, values = _measured(value)
    check_shape(raw, Shape(values=2 * values, items=lists, names=names, levels=100))
    if lists > 1:
        with pytest.raises(TooMuch):
            check_shape(raw, Shape(values=2 * values, items=lists - 1, names=names, levels=100))


def _measured(value: object) -> tuple[int, int, int]:
    """Return the longest list, the widest object and the number of values, at least one each."""
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    found = [_measured(one) for one in inner]
    return (
        max([1, len(value) if isinstance(value, list) else 1, *(one[0] for one in found)]),
        max([1, len(value) if isinstance(value, dict) else 1, *(one[1] for one in found)]),
        1 + sum(one[2] for one in found),
    )
