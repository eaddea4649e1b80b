"""Elements that are captured in steps, taken over from before, or asked for once more."""

from dataclasses import dataclass

from activities.common.clock import attempted_at
from activities.common.performing import performs
from activities.common.refusals import found
from activities.sources.enquiries import CannotSay
from activities.verification.capture_steps import (
    TOO_MANY_CODES,
    CaptureCase,
    CaptureResponse,
    CaptureSource,
    CaptureStep,
)
from activities.verification.captures import CaptureSources
from activities.verification.element_checks import Finding
from activities.verification.verified_applicant import NotVerified, verified_of
from domain.applications.application import ApplicationState, ElementRefused
from domain.common.calendar import business_date
from domain.common.zones import zone_of
from domain.messaging import (
    APPLICATION_REMINDER,
    CONTACT_LIMITS,
    HOME_LIMITS,
    MESSAGE_TEMPLATE,
)
from domain.people.consents import CONSENT_TEXT, ConsentMissing, Purpose
from domain.verification.elements import ElementKind, PersonalInformation, Verdict
from messages import calls, ids
from messages.verification import (
    NOT_ALLOWED,
    REFUSED_BY_SOURCE,
    ApplicantReminded,
    CaptureProgress,
    ConfirmCapture,
    EndCapture,
    PollCapture,
    RemindApplicant,
    ReusedElement,
    ReusedElements,
    ReuseElements,
    StartCapture,
)
from providers.http.client import Client
from providers.http.errors import WRONG_ADDRESS, ProviderRejected
from providers.messaging import MessageRequest
from runtime.clock import utc_now
from runtime.failpoints import failpoint
from services.products.agreed import product_of
from services.verification.reuse import reuse_verifications
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.definitions import DefinitionRepository
from storage.people.applicants import ApplicantRepository
from storage.people.consents import ConsentRepository
from storage.verification.captures import CaptureRepository, CaptureRow, CaptureState
from storage.verification.elements import ElementRepository

_VERDICTS = {
    CaptureState.BEGUN: Verdict.PENDING,
    CaptureState.AWAITING_CODE: Verdict.AWAITING_CODE,
    CaptureState.PENDING: Verdict.PENDING,
    CaptureState.ENDED: Verdict.UNAVAILABLE,
}


@dataclass(frozen=True)
class Elements:
    """Captures elements, takes over earlier ones, reminds of missing ones."""

    database: Database
    providers: Client
    sources: CaptureSources

    @performs(calls.START_CAPTURE)
    async def start_capture(self, request: StartCapture) -> CaptureProgress:
        """Have the source begin; a repeat asks it again only if its answer was not recorded.

        The capture is recorded before the source hears of it: a notice that is faster than its
        answer finds it.
        """
        source = self._source(request.kind)
        async with self.database.transaction() as tx:
            row = await CaptureRepository(tx).begin(
                request.element_id, request.workflow_id, request.at
            )
            case = await _case(tx, request.element_id)
        if row.state is not CaptureState.BEGUN:
            return await self._progress(request.element_id)
        answer = await _begun(source, case)
        await failpoint("start_capture.after_call")
        return await self._learn(request.application_id, request.element_id, answer)

    @performs(calls.CONFIRM_CAPTURE)
    async def confirm_capture(self, request: ConfirmCapture) -> CaptureProgress:
        """Pass a code on; one that its source has answered already is not passed on again."""
        async with self.database.read() as tx:
            case = await _case(tx, request.element_id)
            row = found(await CaptureRepository(tx).get(request.element_id), request.element_id)
            code = await CaptureRepository(tx).code(request.code_id)
        if code is None or row.state is not CaptureState.AWAITING_CODE:
            return await self._progress(request.element_id)
        if isinstance(case, NotVerified):
            return await self._given_up(request, case.reason)
        answer = await self._source(request.kind).confirm(case, code, request.code_id)
        return await self._learn(
            request.application_id, request.element_id, answer, code_id=request.code_id
        )

    @performs(calls.POLL_CAPTURE)
    async def poll_capture(self, request: PollCapture) -> CaptureProgress:
        """Ask the source how far it is, once it works on it and unless it is over."""
        async with self.database.read() as tx:
            case = await _case(tx, request.element_id)
            row = found(await CaptureRepository(tx).get(request.element_id), request.element_id)
        if row.state is not CaptureState.PENDING:
            return await self._progress(request.element_id)
        if isinstance(case, NotVerified):
            return await self._given_up(request, case.reason)
        answer = await self._source(request.kind).poll(case)
        return await self._learn(request.application_id, request.element_id, answer)

    @performs(calls.END_CAPTURE)
    async def end_capture(self, request: EndCapture) -> CaptureProgress:
        """Give a capture up; if it came to a verdict meanwhile, that stands."""
        return await self._given_up(request, request.reason)

    @performs(calls.REUSE_ELEMENTS)
    async def reuse_elements(self, request: ReuseElements) -> ReusedElements:
        """Let what the person had verified before count; a repeat returns the same."""
        async with self.database.transaction() as tx:
            application = found(
                await ApplicationRepository(tx).for_update(request.application_id),
                f"application {request.application_id}",
            )
            product = await product_of(tx, application)
            taken = await reuse_verifications(
                tx, application, product, request.kinds, request.on, request.at
            )
        return ReusedElements(
            elements=tuple(
                ReusedElement(kind=item.kind, element_id=item.element_id) for item in taken
            )
        )

    @performs(calls.REMIND_APPLICANT)
    async def remind_applicant(self, request: RemindApplicant) -> ApplicantReminded:
        """Message an applicant who still has something to provide and whose mobile is verified.

        Not in quiet hours: the answer then says when they end.
        """
        aggregate = ids.application_workflow(request.application_id)
        async with self.database.read() as tx:
            application = found(
                await ApplicationRepository(tx).get(request.application_id),
                f"application {request.application_id}",
            )
            personal = await ApplicantRepository(tx).personal(application.applicant_id)
            limits = await DefinitionRepository(tx).in_force(CONTACT_LIMITS, HOME_LIMITS)
            template = await DefinitionRepository(tx).in_force(
                MESSAGE_TEMPLATE, APPLICATION_REMINDER
            )
        if application.state is not ApplicationState.COLLECTING:
            return ApplicantReminded()
        not_before = limits.content.not_before(
            attempted_at(request.at), zone_of(request.zone), calls.REMIND_APPLICANT.timeout
        )
        if not_before is not None:
            return ApplicantReminded(not_before=not_before)
        if personal.mobile is not None:
            message = MessageRequest(
                message_id=request.message_id,
                mobile=personal.mobile,
                template=template.content.provider_template,
                variables=template.content.filled(
                    {
                        "missing": str(len(request.missing)),
                        "application": request.application_id[-6:].upper(),
                    }
                ),
            )
            await self.providers.call(message, request_id=request.message_id)
        async with self.database.transaction() as tx:
            await OutboxRepository(tx).add(
                aggregate,
                "applicant_reminded" if personal.mobile else "applicant_not_reached",
                f"{aggregate}:reminder:{request.message_id}",
                {
                    "number": request.number,
                    "missing": list(request.missing),
                    "template": str(template.ref),
                    "contact_limits": str(limits.ref),
                },
            )
        return ApplicantReminded()

    async def _given_up(
        self, request: ConfirmCapture | PollCapture | EndCapture, reason: str
    ) -> CaptureProgress:
        given_up = CaptureResponse(CaptureStep.ENDED, reason=reason)
        return await self._learn(request.application_id, request.element_id, given_up)

    def _source(self, kind: ElementKind) -> CaptureSource:
        source = self.sources.get(kind)
        if source is None:
            raise ElementRefused(f"no source captures {kind}")
        return source

    async def _learn(
        self,
        application_id: str,
        element_id: str,
        answer: CaptureResponse,
        code_id: str | None = None,
    ) -> CaptureProgress:
        """Record what a source said and return where the capture stands."""
        async with self.database.transaction() as tx:
            # One answer after the other: a notice may have two of them at once.
            await ApplicationRepository(tx).for_update(application_id)
            row = found(await CaptureRepository(tx).get(element_id), f"capture of {element_id}")
            if code_id is not None and not await CaptureRepository(tx).forget_code(code_id):
                return await _recorded(tx, element_id)
            if row.state not in (CaptureState.DONE, CaptureState.ENDED):
                await _advance(tx, row, answer)
            progress = await _recorded(tx, element_id)
            if not progress.verdict.is_open:
                aggregate = ids.application_workflow(application_id)
                await OutboxRepository(tx).add(
                    aggregate,
                    "element_verified",
                    f"{aggregate}:element_verified:{element_id}",
                    progress.model_dump(mode="json", exclude={"ask_again_after", "begun_at"}),
                )
        reason = "wrong_code" if answer.step is CaptureStep.WRONG_CODE else None
        return progress.model_copy(
            update={
                "ask_again_after": answer.ask_again_after,
                "reason": progress.reason or reason,
            }
        )

    async def _progress(self, element_id: str) -> CaptureProgress:
        async with self.database.read() as tx:
            return await _recorded(tx, element_id)


async def _begun(source: CaptureSource, case: CaptureCase | NotVerified) -> CaptureResponse:
    """Have a source begin, or end at once what nobody may be asked about or will not answer."""
    if isinstance(case, NotVerified):
        return CaptureResponse(CaptureStep.ENDED, reason=case.reason)
    try:
        return await source.begin(case)
    except ConsentMissing:
        return CaptureResponse(CaptureStep.ENDED, reason=NOT_ALLOWED)
    except CannotSay as error:
        return CaptureResponse(CaptureStep.ENDED, reason=error.code)
    except ProviderRejected as error:
        if error.code in WRONG_ADDRESS:
            raise
        return CaptureResponse(CaptureStep.ENDED, reason=REFUSED_BY_SOURCE)


async def _case(tx: Transaction, element_id: str) -> CaptureCase | NotVerified:
    """Return an element with what its source needs, or what of that is not there."""
    element = found(await ElementRepository(tx).get(element_id), f"element {element_id}")
    application = found(
        await ApplicationRepository(tx).get(element.application_id),
        f"application {element.application_id}",
    )
    product = await product_of(tx, application)
    applicant = await verified_of(tx, application, product, {element.kind})
    missing = applicant.missing(product, element.kind)
    if missing is not None or applicant.real_name is None:
        return NotVerified(missing or "real_name_required")
    purpose = product.policy_of(element.kind).consent
    consent = await ConsentRepository(tx).in_force(application.applicant_id, purpose)
    if consent is None:
        return NotVerified(NOT_ALLOWED)
    capture = await CaptureRepository(tx).get(element_id)
    return CaptureCase(
        element_id=element.id,
        application_id=application.id,
        applicant_id=application.applicant_id,
        consent_id=consent.id,
        data=element.data,
        purpose=purpose,
        real_name=applicant.real_name,
        source=capture.source if capture else None,
        reference=capture.reference if capture else None,
        today=business_date(utc_now(), product.zone),
        emergency_mobiles=(
            await _emergency_mobiles(tx, application)
            if element.kind is ElementKind.OPERATOR_REPORT
            else None
        ),
    )


async def _emergency_mobiles(tx: Transaction, application: ApplicationRow) -> frozenset[str] | None:
    """Return the mobiles that calls may be compared with, None without contacts or a consent.

    The first version of the consent's text spoke of the address book alone.
    """
    allowed = await ConsentRepository(tx).in_force(application.applicant_id, Purpose.CONTACTS_CHECK)
    current = await DefinitionRepository(tx).in_force(CONSENT_TEXT, Purpose.CONTACTS_CHECK)
    if allowed is None or allowed.text_version != current.content.version:
        return None
    told = await ElementRepository(tx).newest(application.id, ElementKind.PERSONAL_INFORMATION)
    if told is None or not isinstance(told.data, PersonalInformation):
        return None
    return frozenset(contact.mobile for contact in told.data.contacts)


async def _advance(tx: Transaction, row: CaptureRow, answer: CaptureResponse) -> None:
    match answer.step:
        case CaptureStep.WRONG_CODE:
            await _count_wrong_code(tx, row)
        case CaptureStep.DONE:
            await _conclude(tx, row, answer)
        case CaptureStep.ENDED:
            await CaptureRepository(tx).advance(
                row.element_id, CaptureState.ENDED, reason=answer.reason or "unknown"
            )
        case CaptureStep.AWAITING_CODE | CaptureStep.PENDING:
            await CaptureRepository(tx).advance(
                row.element_id,
                CaptureState(answer.step),
                source=answer.source,
                reference=answer.reference,
                authorise_url=answer.authorise_url,
            )


async def _count_wrong_code(tx: Transaction, row: CaptureRow) -> None:
    application = found(
        await ApplicationRepository(tx).get(row.application_id), f"application {row.application_id}"
    )
    policy = (await product_of(tx, application)).policy_of(ElementKind(row.kind))
    is_last = row.wrong_codes + 1 >= policy.codes
    if is_last and policy.codes_prove:
        provider = row.source or row.kind
        mismatch = Finding(provider, Verdict.MISMATCH, TOO_MANY_CODES)
        await CaptureRepository(tx).advance(row.element_id, row.state, wrong_code=True)
        await _conclude(tx, row, CaptureResponse(CaptureStep.DONE, finding=mismatch))
        return
    await CaptureRepository(tx).advance(
        row.element_id,
        CaptureState.ENDED if is_last else CaptureState.AWAITING_CODE,
        reason=TOO_MANY_CODES if is_last else None,
        wrong_code=True,
    )


async def _conclude(tx: Transaction, row: CaptureRow, answer: CaptureResponse) -> None:
    finding = answer.finding
    assert finding is not None  # noqa: S101 -- a source that is done says what it found
    recorded = await ElementRepository(tx).record_verification(
        row.element_id,
        finding.verdict,
        finding.reason,
        finding.facts,
        finding.provider,
        utc_now(),
    )
    if recorded is not None and recorded.verdict is Verdict.MATCH:
        application = found(
            await ApplicationRepository(tx).get(row.application_id),
            f"application {row.application_id}",
        )
        await ApplicantRepository(tx).remember(application.applicant_id, **finding.remember)
    await CaptureRepository(tx).advance(row.element_id, CaptureState.DONE)


async def _recorded(tx: Transaction, element_id: str) -> CaptureProgress:
    """Return where a capture stands: its verdict, or what is waited for."""
    row = found(await CaptureRepository(tx).get(element_id), f"capture of {element_id}")
    verified = await ElementRepository(tx).verification(element_id)
    return CaptureProgress(
        element_id=element_id,
        kind=ElementKind(row.kind),
        verdict=verified.verdict if verified else _VERDICTS[row.state],
        reason=verified.reason if verified else row.reason,
        begun_at=row.begun_at,
    )
