"""The generator: real JPEG files that look like what they say they show."""

import io

import numpy as np
import pytest
from PIL import Image

from sandbox import camera, id_cards, pictures, portraits, verification, wire
from sandbox.personas import PERSONAS, person

ME = person("story")


def opened(file: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(file))
    picture.load()
    assert picture.format == "JPEG"
    return picture


def test_a_card_is_large_enough_to_read_and_says_what_it_shows() -> None:
    front, back = id_cards.card_front(ME), id_cards.card_back(ME)
    assert min(opened(front).size) > 600
    assert pictures.shown(front) == pictures.shown(pictures.card_front(ME))
    assert pictures.shown(back) == pictures.shown(pictures.card_back(ME))
    assert max(len(front), len(back)) < 300_000


def test_the_stand_in_reads_the_drawn_pictures_as_it_reads_the_empty_ones() -> None:
    drawn = wire.CardPictures(front=id_cards.card_front(ME), back=id_cards.card_back(ME))
    empty = wire.CardPictures(front=pictures.card_front(ME), back=pictures.card_back(ME))
    assert verification.identity_card(drawn) == verification.identity_card(empty)
    frames = portraits.frames(ME, ("nod",))
    request = wire.LivenessCheck(
        frames=[picture for _, picture in frames], actions=[action for action, _ in frames]
    )
    assert verification.liveness(request)["verdict"] == "match"


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


def test_a_file_that_is_cut_off_shows_nothing() -> None:
    front = id_cards.card_front(ME)
    for length in (0, 2, 4, 5, 30):
        assert pictures.shown(front[:length]) is None
    assert pictures.shown(camera.jpeg(Image.new("RGB", (80, 80)))) is None
