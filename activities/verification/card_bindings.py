"""Binding a debit card with a code by text message, as a product may ask for a bank card."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from activities.sources.enquiries import DataSourceGateway, SourceResponse
from activities.verification.data_import_steps import (
    TOO_MANY_CODES,
    DataImportCase,
    DataImportResponse,
    DataImportStep,
    after_code,
    done,
    not_begun,
)
from activities.verification.element_checks import Finding
from domain.verification import elements
from domain.verification.elements import Verdict
from providers.http.errors import ProviderRejected, ProviderUnavailable
from providers.verification.card_binding import (
    BanksRequest,
    Binding,
    BindingCode,
    BindingCodeEntry,
    BindingCodeRequest,
)
from providers.verification.data_import import CodeStatus

_USUAL_WAIT_SECONDS: Final = 60
_MAX_SENDS: Final = 10
"""How often a code is asked for under one element before it is given up."""


@dataclass(frozen=True)
class CardBindings:
    """Debit cards that are bound: four factors, then a code that is texted to the card's mobile."""

    gateway: DataSourceGateway

    async def begin(self, case: DataImportCase) -> DataImportResponse:
        """See DataImportSource.begin; raises ProviderUnavailable if it is too soon for a code."""
        response = await self._code_sent(case)
        refused = not_begun(response)
        if refused is not None:
            return refused
        if response.answer.delivery != "sent":
            return DataImportResponse(DataImportStep.ENDED, reason="code_not_sent")
        if not await self._supports(case, response):
            return done(response.source, "bank_not_supported", {})
        return DataImportResponse(
            DataImportStep.AWAITING_CODE,
            source=response.source,
            reference=response.answer.reference,
        )

    async def confirm(self, case: DataImportCase, code: str, request_id: str) -> DataImportResponse:
        """See DataImportSource.confirm."""
        begun = await self._code_sent(case)
        request = BindingCodeEntry(
            binding_no=case.element_id, reference=case.reference or "", code=code
        )
        subject = replace(case.subject, request_id=request_id)
        response = await self.gateway.query(request, subject, only=case.source)
        wrong = response.answer.status is CodeStatus.WRONG_CODE
        if wrong and not response.answer.may_try_again:
            return done(response.source, TOO_MANY_CODES, {})
        return after_code(response.answer, accepted=_bound(case, begun, response))

    async def poll(self, case: DataImportCase) -> DataImportResponse:
        """Refuse: the code is all that a binding waits for."""
        raise ProviderRejected("card_binding", "nothing_to_report")

    async def _code_sent(self, case: DataImportCase) -> SourceResponse[BindingCode]:
        """Return the response that texted the code, the stored one once it did.

        Each code takes a request id of its own. One that was too soon is on record, and is asked
        for again under the next id when the activity comes again.
        """
        card = case.given(elements.BankCard)
        request = BindingCodeRequest(
            binding_no=case.element_id,
            name=case.real_name.name,
            identity_number=case.real_name.identity_number,
            card_number=card.card_number,
            mobile=card.mobile,
        )
        number, source = 1, case.source
        while True:
            subject = replace(case.subject, request_id=f"{case.element_id}:{number}")
            response = await self.gateway.query(request, subject, only=source)
            answer, source = response.answer, response.source
            if answer.delivery != "too_soon" or number == _MAX_SENDS:
                return response
            if not response.reused:
                wait = timedelta(seconds=answer.retry_after_seconds or _USUAL_WAIT_SECONDS)
                raise ProviderUnavailable(response.source, "too_soon", wait)
            number += 1

    async def _supports(self, case: DataImportCase, begun: SourceResponse[BindingCode]) -> bool:
        """Say whether the card's bank is on the list of those whose cards can be debited."""
        subject = replace(case.subject, request_id=f"{case.element_id}:banks")
        listed = await self.gateway.query(BanksRequest(), subject, only=begun.source)
        codes = {bank.bank_code for bank in listed.answer.banks}
        return begun.answer.bank_code in codes


def _bound(
    case: DataImportCase, begun: SourceResponse[BindingCode], response: SourceResponse[Binding]
) -> DataImportResponse:
    if begun.answer.card_type != "debit":
        return done(response.source, "not_a_debit_card", {})
    facts = {
        "bank_code": begun.answer.bank_code,
        "bank_name": begun.answer.bank_name,
        "agreement_no": response.answer.agreement_no,
    }
    card_number = case.given(elements.BankCard).card_number
    finding = Finding(
        response.source, Verdict.MATCH, facts=facts, remember={"bank_card": card_number}
    )
    return DataImportResponse(DataImportStep.DONE, finding=finding)
