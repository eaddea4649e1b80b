"""Consent texts change by a release: the old words are refused from then on, the new ones taken."""

from collections.abc import AsyncIterator

import httpx
import pytest

from api.http.services import Services
from domain.people.consents import CONSENT_TEXT, ConsentText, Purpose
from runtime.clock import utc_now
from storage.people.consents import ConsentRepository
from tests.api.applications.test_users import ALICE, agreeing, alice, give
from tests.api.conftest import bearer, eventually
from tests.definitions import release, shipped

__all__ = ["alice"]

PURPOSE = Purpose.DATA_IMPORT
OLD = shipped(CONSENT_TEXT, PURPOSE)
NEW = ConsentText(
    purpose=PURPOSE, version="2", text="I agree that account data is imported, once, in new words."
)


async def shown(http: httpx.AsyncClient) -> dict[str, str]:
    answer = await http.get("/v1/consent-texts", headers=bearer("applicant", "alice"))
    return {one["purpose"]: one["version"] for one in answer.json()["items"]}


@pytest.fixture
async def restored(services: Services, http: httpx.AsyncClient) -> AsyncIterator[None]:
    yield
    await release(services.database, CONSENT_TEXT, PURPOSE, OLD)
    await eventually(lambda: shown(http), lambda texts: texts[PURPOSE] == OLD.version)


@pytest.mark.usefixtures("more_products", "restored", "alice")
async def test_new_words_replace_the_old_ones(http: httpx.AsyncClient, services: Services) -> None:
    old = agreeing(PURPOSE)
    new = old | {"text_version": NEW.version, "text_sha256": NEW.sha256}
    assert (await give(http, old)).status_code == 201
    early = await give(http, new)
    assert (early.status_code, early.json()["code"]) == (422, "unknown_consent_text")

    released = await release(services.database, CONSENT_TEXT, PURPOSE, NEW)
    began = utc_now()
    await eventually(lambda: shown(http), lambda texts: texts[PURPOSE] == "2")
    assert (utc_now() - began).total_seconds() < 5

    late = await give(http, old)
    assert (late.status_code, late.json()["code"]) == (422, "unknown_consent_text")
    assert f"version 2, sha256 {NEW.sha256}" in late.json()["detail"]
    assert (await give(http, new)).status_code == 201
    async with services.database.read() as tx:
        given = [row for row in await ConsentRepository(tx).of(ALICE) if row.purpose is PURPOSE]
    assert [(row.text_version, row.definition) for row in given if row.given_at >= began] == [
        ("2", str(released))
    ]
    assert all(row.definition for row in given)
