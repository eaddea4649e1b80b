"""What a face is asked to do: enough to tell it from a recording and from a tilted picture."""

import hashlib
import itertools
from collections import Counter

import pytest

from domain.verification.liveness_challenge import CHALLENGES, Shown, actions, done, issued_actions


def seeds(number: int) -> list[bytes]:
    return [hashlib.sha256(str(one).encode()).digest() for one in range(number)]


def test_two_or_three_different_actions_one_of_which_no_tilted_picture_can_do() -> None:
    for seed in seeds(500):
        asked = actions(seed)
        assert 2 <= len(asked) == len(set(asked)) <= 3
        assert {"blink", "open_mouth"} & set(asked)


def test_all_challenges_come_up_about_equally_often() -> None:
    # Of 12 pairs 2 are of nod and shake alone; all 24 triples hold a blink or an open mouth.
    assert len(CHALLENGES) == len(set(CHALLENGES)) == 34
    drawn = Counter(actions(seed) for seed in seeds(3_400))
    assert set(drawn) == set(CHALLENGES)
    # 100 each are expected; five standard deviations are 49.
    assert all(51 <= count <= 149 for count in drawn.values())


def test_the_same_seed_asks_the_same() -> None:
    assert actions(b"\x07" * 32) == actions(b"\x07" * 32)


def test_a_short_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        actions(b"short")


def test_what_was_asked_last_is_not_asked_again_and_the_others_are_as_likely() -> None:
    last = CHALLENGES[7]
    drawn = Counter(actions(seed, last) for seed in seeds(3_300))
    assert set(drawn) == set(CHALLENGES) - {last}
    assert all(51 <= count <= 149 for count in drawn.values())


def test_every_issue_asks_for_something_else_than_the_one_before() -> None:
    given = seeds(60)
    told = [issued_actions(given[: issue + 1]) for issue in range(60)]
    assert all(one != other for one, other in itertools.pairwise(told))
    assert issued_actions([given[0]] * 2) != issued_actions([given[0]])
    with pytest.raises(ValueError, match="no issue"):
        issued_actions([])


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (("neutral", "blink", "blink", "nod"), ("blink", "nod")),
        (("blink", "neutral", "blink", "neutral", "shake"), ("blink", "shake")),
        (("nod", "blink", "nod"), ("nod", "blink", "nod")),
        (("neutral", "neutral"), ()),
    ],
)
def test_frames_of_one_action_are_folded_and_rest_is_none(
    shown: tuple[Shown, ...], told: tuple[str, ...]
) -> None:
    assert done(shown) == told
