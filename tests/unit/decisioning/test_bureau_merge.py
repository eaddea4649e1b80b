"""Two bureaus merged: the worse of what is known, and nothing clean that nobody said."""

import itertools

import pytest

from domain.decisioning.bureau_merge import BureauFile, merge_bureaus

CLEAN = BureauFile(score=780, overdue_history=0, lenders_queried_30d=0, blacklisted=False)
BAD = BureauFile(score=420, overdue_history=4, lenders_queried_30d=14, blacklisted=True)
MIXED = BureauFile(score=650, overdue_history=6, lenders_queried_30d=2, blacklisted=False)


def test_the_worse_of_each_fact_is_taken() -> None:
    merged = merge_bureaus({"a": BAD, "b": MIXED})
    assert (merged.score, merged.overdue_history, merged.lenders_queried_30d) == (420, 6, 14)
    assert merged.blacklisted is True
    assert (merged.complete, merged.score_spread) == (True, 230)


def test_each_file_stays_with_its_source() -> None:
    merged = merge_bureaus({"b": MIXED, "a": CLEAN})
    assert merged.files == {"a": CLEAN, "b": MIXED}


def test_clean_takes_every_bureau() -> None:
    merged = merge_bureaus({"a": CLEAN, "b": CLEAN})
    assert (merged.overdue_history, merged.lenders_queried_30d, merged.blacklisted) == (0, 0, False)


def test_one_missing_is_never_taken_for_clean() -> None:
    merged = merge_bureaus({"a": CLEAN, "b": None})
    assert merged.missing == ("b",)
    assert not merged.complete
    assert (merged.overdue_history, merged.lenders_queried_30d, merged.blacklisted) == (
        None,
        None,
        None,
    )
    assert (merged.score, merged.score_spread) == (780, None)


def test_what_one_bureau_holds_against_a_person_stands_without_the_other() -> None:
    merged = merge_bureaus({"a": None, "b": BAD})
    assert (merged.score, merged.overdue_history, merged.lenders_queried_30d) == (420, 4, 14)
    assert merged.blacklisted is True


def test_nobody_answered() -> None:
    merged = merge_bureaus({"a": None, "b": None})
    assert merged.missing == ("a", "b")
    assert (merged.score, merged.overdue_history, merged.blacklisted) == (None, None, None)
    assert merged.files == {}


def test_nobody_asked_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="asked"):
        merge_bureaus({})


@pytest.mark.parametrize(
    ("one", "other"), list(itertools.permutations((CLEAN, BAD, MIXED, None), 2))
)
def test_the_order_of_the_answers_does_not_matter(
    one: BureauFile | None, other: BureauFile | None
) -> None:
    forwards = merge_bureaus({"a": one, "b": other})
    assert forwards == merge_bureaus({"b": other, "a": one})
    assert forwards.model_dump_json() == merge_bureaus({"b": other, "a": one}).model_dump_json()


@pytest.mark.parametrize("one", [CLEAN, BAD, MIXED])
@pytest.mark.parametrize("other", [CLEAN, BAD, MIXED, None])
def test_a_second_bureau_never_makes_a_person_better(
    one: BureauFile, other: BureauFile | None
) -> None:
    alone, both = merge_bureaus({"a": one}), merge_bureaus({"a": one, "b": other})
    assert (both.score or 0) <= (alone.score or 0)
    assert both.blacklisted is not False or not one.blacklisted
    assert both.overdue_history is None or both.overdue_history >= one.overdue_history
