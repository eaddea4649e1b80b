"""Reading an identity card: several looks at each side until its fields agree with one another."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Final, Literal, Protocol, TypeVar

import cv2
import numpy as np

from vision import card_sides
from vision.answers import Reply, match, mismatch
from vision.card_rules import birth_date_of, sex_of
from vision.card_sides import Back, Front
from vision.images import Pixels
from vision.sharpness import is_blurred, is_empty
from vision.text_reader import Line

Step = Literal["plain", "large", "sharpened"]

_SIDES: Final[dict[Step, int]] = {"plain": 960, "large": 1536, "sharpened": 1280}
_CLOSER: Final[tuple[Step, ...]] = ("large", "sharpened")
_LABELS_ENOUGH: Final = 2


class Reader(Protocol):
    """What reads the lines of a picture."""

    def read(self, picture: Pixels, side: int) -> list[Line]:
        """Return the lines, looked for at most at `side` pixels a side."""


Side = TypeVar("Side", Front, Back)


def read_card(reader: Reader, front: Pixels, back: Pixels) -> Reply:
    """Return the verdict on both sides: a match with the fields, or why there are none.

    Reasons: `no_card_found`, `several_cards`, `wrong_side`, `image_blurred` (a field, or the
    number's check digit, could not be made out), `card_inconsistent` (print and number say
    different things).
    """
    looks = list(_looks(reader, front, card_sides.read_front, _whole_front))
    person = _merged_front(looks)
    fault = _side_fault(front, looks) or _front_fault(person)
    if fault is not None:
        return mismatch(fault)
    looks_behind = list(_looks(reader, back, card_sides.read_back, _whole_back))
    issue = _merged_back(looks_behind)
    fault = _side_fault(back, looks_behind)
    if fault is not None:
        return mismatch(fault)
    if issue.issuer is None or issue.valid_from is None:
        return mismatch("image_blurred")
    return _answer(person, issue, issue.valid_from)


def _looks(
    reader: Reader,
    picture: Pixels,
    read: Callable[[list[Line]], Side],
    whole: Callable[[Side], bool],
) -> Iterator[Side]:
    """Look until a look is whole: upright first, then turned, larger, sharpened."""
    turn, first = _upright(reader, picture, read)
    yield first
    if first.labels < _LABELS_ENOUGH or whole(first):
        return
    upright = np.ascontiguousarray(np.rot90(picture, turn))
    for step in _CLOSER:
        look = read(reader.read(_prepared(upright, step), _SIDES[step]))
        yield look
        if whole(look):
            return


def _upright(
    reader: Reader, picture: Pixels, read: Callable[[list[Line]], Side]
) -> tuple[int, Side]:
    """Return by how many quarters to turn the picture so that its labels can be read, and them."""
    looks: list[tuple[int, Side]] = []
    turns = [0]
    while turns:
        turn = turns.pop(0)
        turned = np.ascontiguousarray(np.rot90(picture, turn))
        lines = reader.read(_prepared(turned, "plain"), _SIDES["plain"])
        lying = _is_lying(lines)
        looks.append((turn, read([] if lying else lines)))
        if max(looks[-1][1].labels, looks[-1][1].other_labels) >= _LABELS_ENOUGH:
            break
        if turn == 0:
            turns = [3, 1] if lying else [2]
    return max(looks, key=lambda one: max(one[1].labels, one[1].other_labels))


def _is_lying(lines: list[Line]) -> bool:
    """Say whether the text runs from top to bottom: the picture is turned by a quarter."""
    tall = sum(line.height > 2 * line.width for line in lines)
    wide = sum(line.width > 2 * line.height for line in lines)
    return tall > wide


def _prepared(picture: Pixels, step: Step) -> Pixels:
    """Return the picture as a step looks at it; small ones are enlarged."""
    scale = max(1.0, _SIDES[step] / max(picture.shape[:2]))
    seen = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    if step == "sharpened":
        seen = cv2.addWeighted(seen, 2.2, cv2.GaussianBlur(seen, (0, 0), 3), -1.2, 0)
    return seen.astype(np.uint8)


def _whole_front(front: Front) -> bool:
    """Say whether nothing is missing and print and number agree."""
    if front.name is None or front.address is None or len(front.numbers) != 1:
        return False
    number = front.numbers[0]
    return front.birth_date == birth_date_of(number) and front.sex == sex_of(number)


def _whole_back(back: Back) -> bool:
    return back.issuer is not None and back.valid_from is not None


def _merged_front(looks: list[Front]) -> Front:
    """Take each field from the look that was surest of it; keep all numbers that were read."""
    merged = Front()
    merged.numbers = tuple(dict.fromkeys(number for look in looks for number in look.numbers))
    for name in ("name", "sex", "ethnicity", "birth_date", "address"):
        _take_best(merged, looks, name)
    scores = [look.scores["identity_number"] for look in looks if look.numbers]
    if scores:
        merged.scores["identity_number"] = max(scores)
    _settle_print(merged, looks)
    return merged


def _settle_print(merged: Front, looks: list[Front]) -> None:
    """Let print stand against the number only if no look read it as the number says."""
    if len(merged.numbers) != 1:
        return
    number = merged.numbers[0]
    if any(look.birth_date == birth_date_of(number) for look in looks):
        merged.birth_date = birth_date_of(number)
    if any(look.sex == sex_of(number) for look in looks):
        merged.sex = sex_of(number)


def _merged_back(looks: list[Back]) -> Back:
    merged = Back()
    _take_best(merged, looks, "issuer")
    dated = [look for look in looks if look.valid_from is not None]
    if dated:
        best = max(dated, key=lambda look: look.scores["valid_from"])
        merged.valid_from, merged.valid_until = best.valid_from, best.valid_until
        for name in ("valid_from", "valid_until"):
            merged.scores[name] = best.scores[name]
    return merged


def _take_best(merged: Side, looks: list[Side], name: str) -> None:
    having = [look for look in looks if getattr(look, name) is not None]
    if having:
        best = max(having, key=lambda look: look.scores[name])
        setattr(merged, name, getattr(best, name))
        merged.scores[name] = best.scores[name]


def _side_fault(picture: Pixels, looks: Sequence[Front | Back]) -> str | None:
    """Return why the picture is not the wanted side of one card, None if it seems to be."""
    if max(look.cards for look in looks) > 1:
        return "several_cards"
    if max(look.labels for look in looks) > 0:
        return None
    if max(look.other_labels for look in looks) > 0:
        return "wrong_side"
    seems_out_of_focus = is_blurred(picture) and not is_empty(picture)
    return "image_blurred" if seems_out_of_focus else "no_card_found"


def _front_fault(person: Front) -> str | None:
    if len(person.numbers) != 1 or person.name is None or person.address is None:
        return "image_blurred"
    number = person.numbers[0]
    if person.birth_date not in (None, birth_date_of(number)):
        return "card_inconsistent"
    if person.sex not in (None, sex_of(number)):
        return "card_inconsistent"
    return None


def _answer(person: Front, issue: Back, valid_from: date) -> Reply:
    """Return the fields; birth date and sex that could not be read come from the number."""
    number = person.numbers[0]
    scores = person.scores | issue.scores
    for name in ("sex", "birth_date"):
        scores[name] = max(scores.get(name, 0.0), scores["identity_number"])
    return match(
        fields={
            "name": person.name,
            "identity_number": number,
            "sex": sex_of(number),
            "ethnicity": person.ethnicity,
            "birth_date": birth_date_of(number).isoformat(),
            "address": person.address,
            "issuer": issue.issuer,
            "valid_from": valid_from.isoformat(),
            "valid_until": issue.valid_until.isoformat() if issue.valid_until else None,
        },
        scores={name: round(score, 4) for name, score in scores.items()},
    )
