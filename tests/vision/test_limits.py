"""The figures that must hold, on a few pictures: benchmarks/vision.py asks for them on hundreds."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from sandbox import camera, id_cards, portraits
from sandbox.personas import person
from tests.vision.conftest import Service
from vision.faces import Embedder, Embedding, distance
from vision.landmarks import Landmarker
from vision.thresholds import FACE_DISTANCE


@pytest.fixture(scope="module")
def embeddings() -> Iterator[list[Embedding]]:
    """One for each sample person."""
    landmarker, embedder = Landmarker(), Embedder()
    found = []
    for sample in (*portraits.ACTING, *portraits.OTHERS):
        picture = np.array(portraits.picture(sample))
        (face,) = landmarker.faces(picture)
        found.append(embedder.embedding(picture, face))
    yield found
    landmarker.close()


@pytest.mark.slow
def test_no_two_sample_people_are_taken_for_one(embeddings: list[Embedding]) -> None:
    assert len(embeddings) == 8
    nearest = min(distance(one, other) for one, other in combinations(embeddings, 2))
    assert nearest > FACE_DISTANCE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "condition"), [("story", "clean"), ("approved", "desk"), ("low_score", "turned 7")]
)
async def test_the_number_is_read_exactly(service: Service, key: str, condition: str) -> None:
    who = person(key, 31)
    shoot = camera.CONDITIONS[condition]
    front = camera.jpeg(shoot(id_cards.draw_front(who, portraits.portrait(who))))
    back = camera.jpeg(shoot(id_cards.draw_back(who)))
    answer = await service.read(front, back)
    assert answer["fields"]["identity_number"] == who.identity_number


@pytest.mark.slow
async def test_the_point_inside_a_name_is_read_as_one_of_its_spellings(service: Service) -> None:
    """Which of them, differs from picture to picture; who compares names makes them one."""
    who = person("approved", 32)
    card = replace(who, name="阿迪力·买买提")
    front = camera.jpeg(id_cards.draw_front(card, portraits.portrait(who)))
    answer = await service.read(front, id_cards.card_back(who))
    name = answer["fields"]["name"]
    assert (name[:3], name[4:]) == ("阿迪力", "买买提")
    assert name[3] in "·•‧・･⋅"
