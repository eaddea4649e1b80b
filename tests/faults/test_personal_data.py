"""Whatever happened: no personal datum is where it must not be.

Runs after the other tests of this folder and searches what all of them left behind.
"""

import asyncio
import base64
import json
from collections.abc import Callable

import pytest

from local.story.people import element
from tests.faults import leaks
from tests.faults.lives import FRONT, Life, late_payment
from tests.faults.place import Place, until

pytestmark = [pytest.mark.stack, pytest.mark.fault]


@pytest.fixture(scope="module")
async def everything_went_wrong(place: Place) -> None:
    """Stories in which personal data meets every kind of trouble."""
    story, rejected = Life.of(place, "story"), Life.of(place, "low_score")
    await asyncio.gather(late_payment(story), rejected.decided())
    await asyncio.gather(mismatches(place), refusals(place), trouble(place))


async def mismatches(place: Place) -> None:
    """Persons who are not who they say, and a picture that shows nothing."""
    for persona in (
        *("name_mismatch", "mobile_mismatch", "not_live", "credit_card"),
        *("registered_as_another", "no_registered_photo"),
    ):
        life = Life.of(place, persona)
        await life.apply()
        await life.provide()
    blurred = Life.of(place, "approved")
    await blurred.apply()
    await blurred.provide("real_name")
    card = element(blurred.who, "identity_card", quality="blurred")
    path = f"/v1/applications/{blurred.application_id}/elements"
    await place.insist(FRONT, path, {"elements": [card]})


async def refusals(place: Place) -> None:
    """Personal data in all the wrong places of requests."""
    life = Life.of(place, "approved")
    await life.apply()
    who = life.who
    path = f"/v1/applications/{life.application_id}/elements"
    for body in (
        {"kind": who.name},
        {"kind": "operator", "mobile": who.identity_number},
        {"kind": "real_name", "name": who.name, "identity_number": who.mobile},
        {"kind": "bank_card", "card_number": who.name, "mobile": who.card_number},
        {"kind": "operator", "mobile": who.mobile, who.name: who.address},
    ):
        reply = await place.send(FRONT, path, {"elements": [body]})
        assert reply.status == 422
        assert who.name not in str(reply.body)
        assert who.identity_number not in str(reply.body)
    for where in (f"/v1/applications/{who.identity_number}", f"/v1/loans/{who.name}"):
        assert (await place.look("ops", where)).status == 404
    listed = await place.look("ops", "/v1/applications", cursor=who.mobile, channel=who.name)
    assert listed.status == 422
    reference = {**life.to_apply(), "customer_reference": who.name}
    assert (await place.send(FRONT, "/v1/applications", reference)).status == 422


async def trouble(place: Place) -> None:
    """A provider that echoes nonsense, and one that is not there."""
    life = Life.of(place, "approved")
    await life.apply()
    await place.fault("real_name", garbage="wrong_shape", times=2)
    await place.fault("operator", reset=True, times=2)
    await life.provide()
    await until(life.application, lambda one: not one["missing"], "the verdicts")


@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(str.encode, id="plain"),
        pytest.param(lambda text: json.dumps(text).encode(), id="JSON"),
        pytest.param(lambda text: text.encode().hex().encode(), id="hexadecimal"),
        pytest.param(lambda text: base64.b64encode(text.encode()), id="base64"),
        pytest.param(lambda text: base64.b64encode(f"to {text}.".encode()), id="inside base64"),
    ],
)
async def test_a_datum_is_found_however_it_is_spelled(
    spell: Callable[[str], bytes], place: Place
) -> None:
    who = place.someone("approved")
    canaries = leaks.Canaries.of([who])
    for fact in (who.name, who.identity_number, who.mobile, who.card_number, who.address):
        told = b"It is " + spell(fact) + b", they say"
        assert canaries.found_in(leaks.Source("a letter", told))
    assert not canaries.found_in(leaks.Source("a letter", spell("nothing of anybody")))


@pytest.mark.usefixtures("everything_went_wrong")
class TestNothingLeaked:
    """Each place on its own."""

    async def test_to_logs_and_the_engines_file(self, place: Place) -> None:
        assert self.search(place, list(leaks.files(place))) == []

    async def test_to_metrics(self, place: Place) -> None:
        sources = [source async for source in leaks.metrics(place)]
        assert self.search(place, sources) == []
        assert len(sources) == 2

    async def test_to_the_record_in_the_clear(self, place: Place) -> None:
        sources = [source async for source in leaks.record(place)]
        assert self.search(place, sources) == []

    async def test_to_temporal_stored_or_opened(self, place: Place) -> None:
        sources = [source async for source in leaks.temporal(place)]
        assert self.search(place, sources) == []
        assert len(sources) > 50

    @staticmethod
    def search(place: Place, sources: list[leaks.Source]) -> list[str]:
        canaries = leaks.Canaries.of(place.people)
        return sorted({found for source in sources for found in canaries.found_in(source)})
