"""The generator: real JPEG files that look like what they say they show."""

import io

import numpy as np
import pytest
from PIL import Image

from sandbox import id_cards, pictures, portraits
from sandbox.personas import PERSONAS, person

ME = person("story")


def opened(file: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(file))
    picture.load()
    assert picture.format == "JPEG"
    return picture


def test_a_card_is_large_enough_to_read() -> None:
    front, back = id_cards.card_front(ME), id_cards.card_back(ME)
    assert min(opened(front).size) > 600
    assert max(len(front), len(back)) < 300_000


def test_a_photograph_carries_nothing_but_pixels_and_the_simulator_sees_nothing_in_it() -> None:
    photographs = [id_cards.card_front(ME), id_cards.card_back(ME)]
    photographs += [picture for _, picture in portraits.frames(ME, ("nod",))]
    for photograph in photographs:
        assert "comment" not in opened(photograph).info
        assert ME.identity_number.encode() not in photograph
        assert pictures.shown(photograph) is None


def test_no_two_people_give_the_same_photograph_even_of_one_face() -> None:
    same = next(
        other
        for other in (person("story", number) for number in range(2, 50))
        if portraits.sample_of(other) == portraits.sample_of(ME)
    )
    for make in (id_cards.card_back, portraits.face):
        assert make(ME) == make(ME)
        assert make(ME) != make(same)


@pytest.mark.parametrize("key", [persona.key for persona in PERSONAS])
def test_a_persona_has_a_face_of_their_sex(key: str) -> None:
    who = person(key)
    assert portraits.sample_of(who).sex == who.sex
    assert opened(portraits.face(who)).size == portraits.SIZE


def test_a_sequence_moves_and_a_person_who_is_not_live_does_not() -> None:
    def still(key: str) -> bool:
        first, *others = (
            np.asarray(opened(picture), dtype=float)
            for _, picture in portraits.frames(person(key), ("open_mouth",))
        )
        return all(np.abs(other - first).mean() < 0.01 for other in others)

    assert still("not_live")
    assert not still("approved")
