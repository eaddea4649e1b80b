"""A content is the same after it was printed as TOML, and read again."""

import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.common.definitions import canonical
from local.toml_text import to_toml
from services.definitions.shipped import shipped

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LEAVES = st.one_of(st.booleans(), st.integers(-(10**15), 10**15), TEXT)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(TEXT, VALUES, max_size=5))
@example({"text": "one\r\ntwo\nthree\r"})
def test_whatever_json_says_comes_back(content: Mapping[str, Any]) -> None:
    assert tomllib.loads(to_toml(content)) == content


def test_it_reads_like_a_file_that_was_written_by_hand() -> None:
    content = {
        "title": "Ladder",
        "text": 'Dear "customer",\nyou are\tlate.\n',
        "none": None,
        "on": True,
        "zone": {"name": "Asia/Shanghai", "empty": {}},
        "steps": [{"name": "sms", "days": [1, 3]}, {"name": "call", "days": []}],
        "rate": "24.50",
    }
    assert to_toml(content) == (
        'title = "Ladder"\n'
        'text = """\nDear \\"customer\\",\nyou are\tlate.\n"""\n'
        "on = true\n"
        'rate = "24.50"\n'
        "\n[zone]\n"
        'name = "Asia/Shanghai"\n'
        "\n[zone.empty]\n"
        '\n[[steps]]\nname = "sms"\ndays = [\n  1,\n  3,\n]\n'
        '\n[[steps]]\nname = "call"\ndays = []\n'
    )


def test_a_list_with_nothing_in_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no null"):
        to_toml({"a": [1, None]})


def test_every_shipped_definition_comes_back_to_the_same_digest() -> None:
    for one in shipped():
        text = to_toml(one.content.model_dump(mode="json"))
        read = one.kind.model.model_validate(tomllib.loads(text, parse_float=str), extra="forbid")
        assert canonical(read) == canonical(one.content), f"{one.kind.name}/{one.code}"
