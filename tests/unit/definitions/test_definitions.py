"""What differs between two contents, and what a content's one text is."""

from decimal import Decimal
from typing import Any

import pytest

from domain.common.definitions import Content, Kind, canonical, differences, digest


class Inner(Content):
    amount: int


class Outer(Content):
    code: str = "a"
    rate: Decimal = Decimal("1.50")
    inner: Inner | None = None


class Nothing:
    """Nothing else is in force."""

    @property
    def on(self) -> Any:
        raise AssertionError("nothing is looked up here")

    def find(self, kind: str, code: str) -> None:
        return None


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": {"b": {"c": "x"}}}, {"a": {"b": {"c": "y"}}}, [("a.b.c", "x", "y")]),
        ({"a": 1}, {"b": 1}, [("a", 1, None), ("b", None, 1)]),
        ({"a": [1, 2, 3]}, {"a": [1, 9, 2, 3]}, [("a.1", None, 9)]),
        ({"a": [1, 9, 2, 3]}, {"a": [1, 2, 3]}, [("a.1", 9, None)]),
        ({"a": [1, 1]}, {"a": [1]}, [("a.1", 1, None)]),
        ({"a": []}, {"a": [{"b": 1}]}, [("a.0", None, {"b": 1})]),
        (
            {"a": [{"n": "x", "d": 1}, {"n": "y", "d": 2}]},
            {"a": [{"n": "x", "d": 1}, {"n": "y", "d": 3}]},
            [("a.1.d", 2, 3)],
        ),
        ({"a": [1]}, {"a": {"b": 1}}, [("a", [1], {"b": 1})]),
    ],
)
def test_two_contents_differ_at_these_places(
    before: dict[str, Any], after: dict[str, Any], found: list[tuple[str, Any, Any]]
) -> None:
    assert [(one.path, one.before, one.after) for one in differences(before, after)] == found


def test_a_content_has_one_text_however_it_was_given() -> None:
    kind = Kind("outer", Outer)
    given = kind.model.model_validate({"inner": {"amount": 5}, "rate": "1.50"})
    again = kind.model.model_validate({"rate": Decimal("1.50"), "inner": Inner(amount=5)})
    assert digest(canonical(given)) == digest(canonical(again))
    assert kind.read(canonical(given)) == given


def test_nothing_unknown_is_drafted_also_inside() -> None:
    found = Kind("outer", Outer).findings({"inner": {"amount": 1, "x": 1}, "y": 1}, Nothing(), "a")
    assert {one.field for one in found} == {"inner.x", "y"}


def test_a_content_that_says_its_code_says_the_right_one() -> None:
    kind = Kind("outer", Outer, named_by="code")
    assert kind.findings({"code": "a"}, Nothing(), "a") == ()
    [finding] = kind.findings({"code": "a"}, Nothing(), "b")
    assert (finding.field, finding.example) == ("code", "b")
