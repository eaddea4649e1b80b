"""Binding a debit card with a code by text message, as a product may ask for a bank card."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from activities.sources.enquiries import Desk, Judged, Question, Told
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

    desk: Desk

    async def begin(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.begin; raises ProviderUnavailable while it is too soon for a code."""
        told = await self._code_sent(case)
        refused = not_begun(told)
        if refused is not None:
            return refused
        if told.answer.delivery != "sent":
            return CaptureAnswer(CaptureStep.ENDED, reason="code_not_sent")
        if not await self._supports(case, told):
            return done(told.source, "bank_not_supported", {})
        return CaptureAnswer(
            CaptureStep.AWAITING_CODE, source=told.source, reference=told.answer.reference
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
            bills=False,
        )
        told = await self.desk.ask(
            question, replace(case.subject, request_id=request_id), only=case.source
        )
        match told.answer.status:
            case CodeStatus.ACCEPTED:
                return _bound(case, bound, told)
            case CodeStatus.EXPIRED:
                return CaptureAnswer(CaptureStep.ENDED, reason="code_expired")
            case CodeStatus.WRONG_CODE:
                if not told.answer.tries_left:
                    return done(told.source, TOO_MANY_CODES, {})
                return CaptureAnswer(CaptureStep.WRONG_CODE)

    async def poll(self, case: CaptureCase) -> CaptureAnswer:
        """Refuse: the code is all that a binding waits for."""
        raise ProviderRejected("card_binding", "nothing_to_report")

    async def _code_sent(self, case: CaptureCase) -> Told[BindingCode]:
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
            told = await self._send(case, request, f"{case.element_id}:{number}", source)
            answer, source = told.answer, told.source
            if answer.delivery != "too_soon" or number == _MOST_SENDS:
                return told
            if not told.reused:
                wait = timedelta(seconds=answer.retry_after_seconds or 0)
                raise ProviderUnavailable(told.source, "too_soon", wait)
            number += 1

    async def _send(
        self, case: CaptureCase, request: BindingCodeRequest, request_id: str, source: str | None
    ) -> Told[BindingCode]:
        question = Question(
            Capability.CARD_BINDING,
            "send_code",
            request,
            BindingCode,
            lambda third: third.card_binding.send_code(request_id=request_id, **fields_of(request)),
        )
        return await self.desk.ask(
            question, replace(case.subject, request_id=request_id), only=source
        )

    async def _supports(self, case: CaptureCase, begun: Told[BindingCode]) -> bool:
        """Say whether the card's bank is on the list of those whose cards can be debited."""
        request_id = f"{case.element_id}:banks"
        question = Question(
            Capability.CARD_BINDING,
            "banks",
            BanksRequest(),
            SupportedBanks,
            lambda third: third.card_binding.banks(request_id=request_id),
            lambda _: Judged(Answered.MATCH, None, settles=True, keeps=False),
            bills=False,
        )
        listed = await self.desk.ask(
            question, replace(case.subject, request_id=request_id), only=begun.source
        )
        codes = {bank.bank_code for bank in listed.answer.banks}
        return begun.answer.bank_code in codes


def _bound(case: CaptureCase, begun: Told[BindingCode], told: Told[Binding]) -> CaptureAnswer:
    assert isinstance(case.data, elements.BankCard)  # noqa: S101 -- chosen by the kind
    if begun.answer.card_type != "debit":
        return done(told.source, "not_a_debit_card", {})
    facts = {
        "bank_code": begun.answer.bank_code,
        "bank_name": begun.answer.bank_name,
        "agreement_no": told.answer.agreement_no,
    }
    finding = Finding(
        told.source, Verdict.MATCH, facts=facts, remember={"bank_card": case.data.card_number}
    )
    return CaptureAnswer(CaptureStep.DONE, finding=finding)
