"""Cases for the tests of their documents."""

import httpx
import pytest

from api.http.services import Services
from messages.ids import new_id
from tests.api.cases.opened import Opened, opened_case


@pytest.fixture
async def case(services: Services, http: httpx.AsyncClient) -> Opened:
    return await opened_case(services, http, new_id("per"))


@pytest.fixture
async def held(case: Opened) -> Opened:
    """A case that rita works on."""
    await case.claim()
    return case
