"""Imports that the user authorises at the source: credit-card bills and a market place."""

import asyncio

import pytest

from providers.http.client import ProviderClient
from providers.verification.data_import import Authorisation, ReportStatus
from providers.verification.ecommerce import (
    EcommerceFacts,
    EcommerceReportQuery,
    EcommerceRequest,
)
from providers.verification.online_banking import BankingReportQuery, BankingRequest
from sandbox.personas import person, stranger
from tests.integration.source_clients import (
    CONSENT,
    ask,
    ended,
    fresh_id,
    notice_of,
    two_factors,
)
from tests.simulators import Callbacks, Simulators


async def test_credit_card_bills_are_imported(
    client: ProviderClient, simulators: Simulators
) -> None:
    assert simulators.url
    request = BankingRequest(
        capture_no=fresh_id(),
        consent_id=CONSENT,
        bank_code="DEMO",
        **two_factors(person("low_score")),
    )
    data_import = authorised(await ask(client, request))
    facts = (await ended(client, BankingReportQuery(**data_import))).facts
    assert facts is not None
    # Twelve statements of 19,000.00 on a limit of 20,000.00; the newest four were not paid.
    assert facts.model_dump() == {
        "currency": "CNY",
        "cards": 1,
        "credit_limit": 2_000_000,
        "months_billed": 12,
        "average_balance": 1_900_000,
        "utilisation_per_mille": 950,
        "overdue_bills": 4,
        "minimum_only_bills": 0,
    }


def authorised(answer: Authorisation) -> dict[str, str]:
    """Return the numbers of an import that began; its page is not shown in a log."""
    assert answer.passed
    assert answer.reference is not None
    assert answer.authorise_url is not None
    assert answer.authorise_url.startswith("https://")
    assert answer.authorise_url not in repr(answer)
    return {"capture_no": answer.capture_no, "reference": answer.reference}


async def test_a_market_place_is_imported(client: ProviderClient, simulators: Simulators) -> None:
    assert simulators.url
    request = EcommerceRequest(
        capture_no=fresh_id(),
        consent_id=CONSENT,
        platform="taobao",
        **two_factors(person("approved")),
    )
    data_import = authorised(await ask(client, request))
    facts = (await ended(client, EcommerceReportQuery(**data_import))).facts
    assert isinstance(facts, EcommerceFacts)
    # One order every thirty days from yesterday: thirteen in 365 days, two of them refunded.
    assert (facts.orders_12m, facts.amount_12m) == (11, 11 * 19_900)
    assert (facts.account_age_months, facts.addresses) == (96, 2)
    assert (facts.credit_score, facts.credit_limit, facts.credit_outstanding) == (
        688,
        800_000,
        120_000,
    )


@pytest.mark.parametrize("key", ["import_refused", "report_fails"])
async def test_an_import_can_end_without_a_document(
    client: ProviderClient, simulators: Simulators, callbacks: Callbacks, key: str
) -> None:
    capture_no = fresh_id()
    request = EcommerceRequest(
        capture_no=capture_no,
        consent_id=CONSENT,
        platform="jd",
        **two_factors(person(key)),
    )
    data_import = authorised(await ask(client, request))
    state = await ended(client, EcommerceReportQuery(**data_import))
    reason = {"import_refused": "not_authorised", "report_fails": "source_failed"}[key]
    assert (state.status, state.reason) == (ReportStatus.FAILED, reason)
    notice, _ = await notice_of(callbacks, simulators, capture_no)
    assert (notice.source, notice.reason) == ("ecommerce", reason)


async def test_a_repeat_of_an_import_begins_nothing(
    client: ProviderClient, simulators: Simulators
) -> None:
    capture_no = fresh_id()
    asked = {"capture_no": capture_no, "consent_id": CONSENT, **two_factors(stranger(20))}
    request = EcommerceRequest(**asked, platform="jd")
    answers = await asyncio.gather(*(ask(client, request) for _ in range(10)))
    assert len({answer.authorise_url for answer in answers}) == 1
    rows = (
        await simulators.console.get("/sandbox/data-imports", params={"capture_no": capture_no})
    ).json()
    assert len(rows) == 1


async def test_what_a_source_does_not_serve_is_a_mismatch(
    client: ProviderClient, simulators: Simulators
) -> None:
    assert simulators.url
    who = {"consent_id": CONSENT, **two_factors(stranger(21))}
    bank = await ask(client, BankingRequest(capture_no=fresh_id(), bank_code="NOPE", **who))
    shop = await ask(client, EcommerceRequest(capture_no=fresh_id(), platform="other", **who))
    assert (bank.reasons, shop.reasons) == (("bank_not_supported",), ("platform_not_supported",))
