"""What the tests of data sources share: a signed client, request ids, the way of a capture."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from pydantic import SecretStr

from providers.http.client import Credentials, ProviderClient
from providers.http.signature import verify_signature
from providers.verification.capture import CodeStatus, ReportNotice, ReportState
from providers.verification.operator_report import HttpOperatorReport
from runtime.clock import utc_now
from sandbox.personas import Person
from tests.simulators import READ_SECONDS, Callbacks, Simulators

CONSENT = "cst_0001"
RIGHT, WRONG = "123456", "654321"
PATIENCE = timedelta(seconds=5)

_ids = itertools.count()


def fresh_id() -> str:
    return f"src_{next(_ids)}"


def factors(who: Person) -> dict[str, str]:
    return {"name": who.name, "identity_number": who.identity_number, "mobile": who.mobile}


def two_factors(who: Person) -> dict[str, str]:
    return {"name": who.name, "identity_number": who.identity_number}


@asynccontextmanager
async def signed_client(simulators: Simulators, below: str = "") -> AsyncIterator[ProviderClient]:
    """Connect the common client to running simulators, or to a path below them."""
    config = simulators.config
    credentials = Credentials(SecretStr(config.api_key), SecretStr(config.signing_secret))
    url = f"{simulators.url}{below}"
    async with ProviderClient.connect(lambda _: url, credentials, READ_SECONDS) as client:
        yield client


async def begun(reports: HttpOperatorReport, who: Person) -> dict[str, str]:
    """Begin a capture and return its two numbers."""
    capture_no = fresh_id()
    answer = await reports.begin(capture_no=capture_no, consent_id=CONSENT, **factors(who))
    assert answer.passed
    assert answer.reference is not None
    return {"capture_no": capture_no, "reference": answer.reference}


async def confirmed(reports: HttpOperatorReport, who: Person) -> dict[str, str]:
    capture = await begun(reports, who)
    answer = await reports.confirm(request_id=fresh_id(), **capture, code=RIGHT)
    assert answer.status is CodeStatus.ACCEPTED
    return capture


async def ended(ask: Callable[[], Awaitable[ReportState]]) -> ReportState:
    """Ask until the capture has ended."""
    async with asyncio.timeout(PATIENCE.total_seconds()):
        # The source is asked over HTTP: there is no event to wait for.
        while not (state := await ask()).final:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return state


async def notice_of(
    callbacks: Callbacks, simulators: Simulators, capture_no: str
) -> tuple[ReportNotice, str]:
    """Wait for the notice of a capture and return it with its signature's verified header."""
    while True:
        headers, body = await callbacks.next()
        notice = ReportNotice.model_validate_json(body)
        if notice.capture_no == capture_no:
            secret = simulators.config.callback_secret
            verify_signature(secret, headers["x-signature"], body, utc_now())
            return notice, headers["x-request-id"]
