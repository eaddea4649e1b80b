"""Statements hold the filters that are given and no others."""

from storage.common.repository import given


def test_a_filter_that_is_not_given_does_not_appear() -> None:
    filters = {"state = {}": None, "channel = {}": "app", "amount >= {}": 0}
    assert given(filters) == (["channel = $1", "amount >= $2"], ["app", 0])


def test_without_filters_there_is_nothing() -> None:
    assert given({"state = {}": None}) == ([], [])
    assert given({}) == ([], [])


def test_a_value_never_becomes_text_of_the_statement() -> None:
    tests, values = given({"channel = {}": "' or true --", "id = {}": "{}"})
    assert tests == ["channel = $1", "id = $2"]
    assert values == ["' or true --", "{}"]
