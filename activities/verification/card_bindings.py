"""Binding a debit card with a code by text message, as a product may ask for a bank card."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from activities.sources.enquiries import Assessment, DataSourceGateway, Question, SourceResponse
from activities.verification.capture_steps import (
    TOO_MANY_CODES,
    CaptureAnswer,
    CaptureCase,
    CaptureStep,
    done,
    fields_of,
    judge_code,
    not_begun,
)
from activities.verification.element_checks import Finding
from domain.sources import Capability
from domain.verification import elements
from domain.verification.elements import Verdict
from providers.http.errors import ProviderRejected, ProviderUnavailable
from providers.http.verdict import Verdict as Answered
from providers.verification.capture import CodeStatus
from providers.verification.card_binding import (
    BanksRequest,
    Binding,
    BindingCode,
    BindingCodeEntry,
    BindingCodeRequest,
    SupportedBanks,
)

_MOST_SENDS: Final = 10
"""How often a code is asked for under one element before it is given up."""


@dataclass(frozen=True)
class CardBindings:
    """Debit cards that are bound: four factors, then a code that is texted to the card's mobile."""

    gateway: DataSourceGateway

    async def begin(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.begin; raises ProviderUnavailable while it is too soon for a code."""
        response = await self._code_sent(case)
        refused = not_begun(response)
        if refused is not None:
            return refused
        if response.answer.delivery != "sent":
            return CaptureAnswer(CaptureStep.ENDED, reason="code_not_sent")
        if not await self._supports(case, response):
            return done(response.source, "bank_not_supported", {})
        return CaptureAnswer(
            CaptureStep.AWAITING_CODE, source=response.source, reference=response.answer.reference
        )

    async def confirm(self, case: CaptureCase, code: str, request_id: str) -> CaptureAnswer:
        """See CaptureSource.confirm."""
        bound = await self._code_sent(case)
        entry = BindingCodeEntry(
            binding_no=case.element_id, reference=case.reference or "", code=code
        )
        question = Question(
            Capability.CARD_BINDING,
            "confirm",
            entry,
            Binding,
            lambda third: third.card_binding.confirm(request_id=request_id, **fields_of(entry)),
            judge_code,
            billable=False,
        )
        response = await self.gateway.query(
            question, replace(case.subject, request_id=request_id), only=case.source
        )
        match response.answer.status:
            case CodeStatus.ACCEPTED:
                return _bound(case, bound, response)
            case CodeStatus.EXPIRED:
                return CaptureAnswer(CaptureStep.ENDED, reason="code_expired")
            case CodeStatus.WRONG_CODE:
                if not response.answer.tries_left:
                    return done(response.source, TOO_MANY_CODES, {})
                return CaptureAnswer(CaptureStep.WRONG_CODE)

    async def poll(self, case: CaptureCase) -> CaptureAnswer:
        """Refuse: the code is all that a binding waits for."""
        raise ProviderRejected("card_binding", "nothing_to_report")

    async def _code_sent(self, case: CaptureCase) -> SourceResponse[BindingCode]:
        """Return the answer that texted the code, from the record once it did.

        Each code takes a request id of its own. One that was too soon is on record, and is asked
        for again under the next id when the activity comes again.
        """
        assert isinstance(case.data, elements.BankCard)  # noqa: S101 -- chosen by the kind
        request = BindingCodeRequest(
            binding_no=case.element_id,
            name=case.real_name.name,
            identity_number=case.real_name.identity_number,
            card_number=case.data.card_number,
            mobile=case.data.mobile,
        )
        number, source = 1, case.source
        while True:
            response = await self._send(case, request, f"{case.element_id}:{number}", source)
            answer, source = response.answer, response.source
            if answer.delivery != "too_soon" or number == _MOST_SENDS:
                return response
            if not response.reused:
                wait = timedelta(seconds=answer.retry_after_seconds or 0)
                raise ProviderUnavailable(response.source, "too_soon", wait)
            number += 1

    async def _send(
        self, case: CaptureCase, request: BindingCodeRequest, request_id: str, source: str | None
    ) -> SourceResponse[BindingCode]:
        question = Question(
            Capability.CARD_BINDING,
            "send_code",
            request,
            BindingCode,
            lambda third: third.card_binding.send_code(request_id=request_id, **fields_of(request)),
        )
        return await self.gateway.query(
            question, replace(case.subject, request_id=request_id), only=source
        )

    async def _supports(self, case: CaptureCase, begun: SourceResponse[BindingCode]) -> bool:
        """Say whether the card's bank is on the list of those whose cards can be debited."""
        request_id = f"{case.element_id}:banks"
        question = Question(
            Capability.CARD_BINDING,
            "banks",
            BanksRequest(),
            SupportedBanks,
            lambda third: third.card_binding.banks(request_id=request_id),
            lambda _: Assessment(Answered.MATCH, None, is_conclusive=True, cacheable=False),
            billable=False,
        )
        listed = await self.gateway.query(
            question, replace(case.subject, request_id=request_id), only=begun.source
        )
        codes = {bank.bank_code for bank in listed.answer.banks}
        return begun.answer.bank_code in codes


def _bound(
    case: CaptureCase, begun: SourceResponse[BindingCode], response: SourceResponse[Binding]
) -> CaptureAnswer:
    assert isinstance(case.data, elements.BankCard)  # noqa: S101 -- chosen by the kind
    if begun.answer.card_type != "debit":
        return done(response.source, "not_a_debit_card", {})
    facts = {
        "bank_code": begun.answer.bank_code,
        "bank_name": begun.answer.bank_name,
        "agreement_no": response.answer.agreement_no,
    }
    finding = Finding(
        response.source, Verdict.MATCH, facts=facts, remember={"bank_card": case.data.card_number}
    )
    return CaptureAnswer(CaptureStep.DONE, finding=finding)
