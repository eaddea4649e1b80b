"""What the tests of data sources share: a signed client, request ids, the way of a data import."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel, SecretStr

from providers.http.client import Client, Credentials, ProviderClient
from providers.http.requests import ProviderRequest
from providers.http.signature import verify_signature
from providers.http.transport import open_pool
from providers.signing import Signature
from providers.sources.fireeye import FireeyeClient
from providers.sources.fireeye_profile import FireeyeProfile
from providers.sources.fireeye_requests import FireeyeCredentials
from providers.verification.data_import import (
    CodeEntry,
    CodeStatus,
    Confirmation,
    Report,
    ReportNotice,
    ReportQuery,
)
from providers.verification.operator_report import OperatorReportQuery, OperatorReportRequest
from runtime.clock import utc_now
from sandbox.personas import Person
from tests.simulators import READ_SECONDS, Callbacks, Simulators

Response = TypeVar("Response", bound=BaseModel)

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
    async with open_pool(READ_SECONDS) as http:
        yield ProviderClient(http, lambda _: url, credentials, READ_SECONDS)


class _SignatureFound(BaseModel):
    found: bool
    signature: Signature | None = None


class _SignatureQuery(ProviderRequest[_SignatureFound]):
    provider = "signing"
    operation = "get"

    contract_no: str


async def signature_of(client: Client, contract_no: str) -> Signature | None:
    """Ask the signing service, as we never do, for what it knows of a contract."""
    query = _SignatureQuery(contract_no=contract_no)
    return (await client.call(query, request_id=contract_no)).signature


@asynccontextmanager
async def fireeye_client(
    profile: FireeyeProfile, credentials: FireeyeCredentials | None
) -> AsyncIterator[FireeyeClient]:
    """A client on Fireeye's wire with a pool of its own."""
    async with open_pool(profile.read_seconds) as http:
        yield FireeyeClient(http, profile, credentials)


async def ask(client: ProviderClient, request: ProviderRequest[Response]) -> Response:
    """Call under a request id of its own, or that of the data import that the request is about."""
    return await client.call(request, request_id=getattr(request, "capture_no", fresh_id()))


async def begun(client: ProviderClient, who: Person) -> dict[str, str]:
    """Begin a data import and return its two numbers."""
    capture_no = fresh_id()
    request = OperatorReportRequest(capture_no=capture_no, consent_id=CONSENT, **factors(who))
    answer = await ask(client, request)
    assert answer.passed
    assert answer.reference is not None
    return {"capture_no": capture_no, "reference": answer.reference}


async def entered(
    client: ProviderClient, data_import: dict[str, str], code: str, request_id: str | None = None
) -> Confirmation:
    """Hand a code back; without a `request_id` it is a try of its own."""
    request = CodeEntry(**data_import, code=code)
    return await client.call(request, request_id=request_id or fresh_id())


async def confirmed(client: ProviderClient, who: Person) -> dict[str, str]:
    data_import = await begun(client, who)
    answer = await entered(client, data_import, RIGHT)
    assert answer.status is CodeStatus.ACCEPTED
    return data_import


def report_query(data_import: dict[str, str]) -> OperatorReportQuery:
    return OperatorReportQuery(**data_import, emergency_mobiles=None)


async def reported(client: ProviderClient, data_import: dict[str, str]) -> Report:
    """Ask how far an operator's report is."""
    return await ask(client, report_query(data_import))


async def ended(client: ProviderClient, query: ReportQuery) -> Report:
    """Ask until the data import has ended."""
    async with asyncio.timeout(PATIENCE.total_seconds()):
        # The source is asked over HTTP: there is no event to wait for.
        while not (report := await ask(client, query)).final:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return report


async def notice_of(
    callbacks: Callbacks, simulators: Simulators, capture_no: str
) -> tuple[ReportNotice, str]:
    """Wait for the notice of a data import and return it with its signature's verified header."""
    while True:
        headers, body = await callbacks.next()
        notice = ReportNotice.model_validate_json(body)
        if notice.capture_no == capture_no:
            secret = simulators.config.callback_secret
            verify_signature(secret, headers["x-signature"], body, utc_now())
            return notice, headers["x-request-id"]
