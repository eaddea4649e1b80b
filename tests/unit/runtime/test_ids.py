"""Opaque ids."""

import pytest

from messages import ids


def test_fresh_ids_are_different_have_their_form_and_sort_by_time() -> None:
    made = [ids.new_id("loa") for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(ids.is_id(item, "loa") for item in made)
    assert not ids.is_id(made[0], "lin")


def test_derived_ids_follow_from_their_parts_alone() -> None:
    first = ids.derived_id("rep", "loa_x", "instalment", "1")
    assert first == ids.derived_id("rep", "loa_x", "instalment", "1")
    assert ids.is_id(first, "rep")
    others = {
        ids.derived_id("rep", "loa_x", "instalment", "2"),
        ids.derived_id("rep", "loa_x", "instalment1"),
        ids.derived_id("tra", "loa_x", "instalment", "1"),
    }
    assert first not in others
    assert len(others) == 3


@pytest.mark.parametrize(
    "text", ["", "loa_", "loa_123", "LOA_" + "0" * 26, "loa_" + "u" * 26, "loa_" + "0" * 26 + "\n"]
)
def test_other_texts_are_not_ids(text: str) -> None:
    assert not ids.is_id(text, "loa")
