"""Elements that are imported in steps, taken over from before, or asked for once more."""

from dataclasses import dataclass

from activities.common.clock import attempted_at
from activities.common.performing import performs
from activities.common.refusals import found
from activities.sources.enquiries import CannotSay
from activities.verification.data_import_steps import (
    TOO_MANY_CODES,
    DataImportCase,
    DataImportResponse,
    DataImportSource,
    DataImportStep,
)
from activities.verification.data_imports import DataImportSources
from activities.verification.element_checks import Finding
from activities.verification.verified_applicant import NotVerified, verified_of
from domain.applications.application import ApplicationState, ElementRefused
from domain.common.calendar import business_date
from domain.common.zones import zone_of
from domain.messaging.contact_limits import CONTACT_LIMITS, HOME_LIMITS
from domain.messaging.rendering import reference_of
from domain.messaging.templates import APPLICATION_REMINDER, MESSAGE_TEMPLATE
from domain.people.consents import CONSENT_TEXT, ConsentMissing, Purpose
from domain.verification.elements import ElementKind, PersonalInformation, Verdict
from messages import calls, ids
from messages.verification import (
    NOT_ALLOWED,
    REFUSED_BY_SOURCE,
    ApplicantReminded,
    ConfirmDataImport,
    DataImportProgress,
    EndDataImport,
    PollDataImport,
    RemindApplicant,
    ReusedElement,
    ReusedElements,
    ReuseElements,
    StartDataImport,
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
from storage.verification.data_imports import DataImportRepository, DataImportRow, DataImportState
from storage.verification.elements import ElementRepository

_VERDICTS = {
    DataImportState.BEGUN: Verdict.PENDING,
    DataImportState.AWAITING_CODE: Verdict.AWAITING_CODE,
    DataImportState.PENDING: Verdict.PENDING,
    DataImportState.ENDED: Verdict.UNAVAILABLE,
}


@dataclass(frozen=True)
class Elements:
    """Imports elements, takes over earlier ones, reminds of missing ones."""

    database: Database
    providers: Client
    sources: DataImportSources

    @performs(calls.START_DATA_IMPORT)
    async def start_data_import(self, request: StartDataImport) -> DataImportProgress:
        """Have the source begin; a repeat asks it again only if its answer was not recorded.

        The data import is recorded before the source hears of it: a notice that is faster than its
        answer finds it.
        """
        source = self._source(request.kind)
        async with self.database.transaction() as tx:
            row = await DataImportRepository(tx).begin(
                request.element_id, request.workflow_id, request.at
            )
            case = await _case(tx, request.element_id)
        if row.state is not DataImportState.BEGUN:
            return await self._progress(request.element_id)
        answer = await _begun(source, case)
        await failpoint("start_data_import.after_call")
        return await self._learn(request.application_id, request.element_id, answer)

    @performs(calls.CONFIRM_DATA_IMPORT)
    async def confirm_data_import(self, request: ConfirmDataImport) -> DataImportProgress:
        """Pass a code on; one that its source has answered already is not passed on again."""
        async with self.database.read() as tx:
            case = await _case(tx, request.element_id)
            row = found(await DataImportRepository(tx).get(request.element_id), request.element_id)
            code = await DataImportRepository(tx).code(request.code_id)
        if code is None or row.state is not DataImportState.AWAITING_CODE:
            return await self._progress(request.element_id)
        if isinstance(case, NotVerified):
            return await self._given_up(request, case.reason)
        answer = await self._source(request.kind).confirm(case, code, request.code_id)
        return await self._learn(
            request.application_id, request.element_id, answer, code_id=request.code_id
        )

    @performs(calls.POLL_DATA_IMPORT)
    async def poll_data_import(self, request: PollDataImport) -> DataImportProgress:
        """Ask the source how far it is, once it works on it and unless it is over."""
        async with self.database.read() as tx:
            case = await _case(tx, request.element_id)
            row = found(await DataImportRepository(tx).get(request.element_id), request.element_id)
        if row.state is not DataImportState.PENDING:
            return await self._progress(request.element_id)
        if isinstance(case, NotVerified):
            return await self._given_up(request, case.reason)
        answer = await self._source(request.kind).poll(case)
        return await self._learn(request.application_id, request.element_id, answer)

    @performs(calls.END_DATA_IMPORT)
    async def end_data_import(self, request: EndDataImport) -> DataImportProgress:
        """Give a data import up; if it came to a verdict meanwhile, that stands."""
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
                template=template.content.by_sms.provider_template,
                variables=template.content.filled(
                    {
                        "missing": str(len(request.missing)),
                        "application": reference_of(request.application_id),
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
        self, request: ConfirmDataImport | PollDataImport | EndDataImport, reason: str
    ) -> DataImportProgress:
        given_up = DataImportResponse(DataImportStep.ENDED, reason=reason)
        return await self._learn(request.application_id, request.element_id, given_up)

    def _source(self, kind: ElementKind) -> DataImportSource:
        source = self.sources.get(kind)
        if source is None:
            raise ElementRefused(f"no source imports {kind}")
        return source

    async def _learn(
        self,
        application_id: str,
        element_id: str,
        answer: DataImportResponse,
        code_id: str | None = None,
    ) -> DataImportProgress:
        """Record what a source said and return where the data import stands."""
        async with self.database.transaction() as tx:
            # One answer after the other: a notice may have two of them at once.
            await ApplicationRepository(tx).for_update(application_id)
            row = found(
                await DataImportRepository(tx).get(element_id), f"data import of {element_id}"
            )
            if code_id is not None and not await DataImportRepository(tx).forget_code(code_id):
                return await _recorded(tx, element_id)
            if row.state not in (DataImportState.DONE, DataImportState.ENDED):
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
        reason = "wrong_code" if answer.step is DataImportStep.WRONG_CODE else None
        return progress.model_copy(
            update={
                "ask_again_after": answer.ask_again_after,
                "reason": progress.reason or reason,
            }
        )

    async def _progress(self, element_id: str) -> DataImportProgress:
        async with self.database.read() as tx:
            return await _recorded(tx, element_id)


async def _begun(
    source: DataImportSource, case: DataImportCase | NotVerified
) -> DataImportResponse:
    """Have a source begin, or end at once what nobody may be asked about or will not answer."""
    if isinstance(case, NotVerified):
        return DataImportResponse(DataImportStep.ENDED, reason=case.reason)
    try:
        return await source.begin(case)
    except ConsentMissing:
        return DataImportResponse(DataImportStep.ENDED, reason=NOT_ALLOWED)
    except CannotSay as error:
        return DataImportResponse(DataImportStep.ENDED, reason=error.code)
    except ProviderRejected as error:
        if error.code in WRONG_ADDRESS:
            raise
        return DataImportResponse(DataImportStep.ENDED, reason=REFUSED_BY_SOURCE)


async def _case(tx: Transaction, element_id: str) -> DataImportCase | NotVerified:
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
    data_import = await DataImportRepository(tx).get(element_id)
    return DataImportCase(
        element_id=element.id,
        application_id=application.id,
        applicant_id=application.applicant_id,
        consent_id=consent.id,
        data=element.data,
        purpose=purpose,
        real_name=applicant.real_name,
        source=data_import.source if data_import else None,
        reference=data_import.reference if data_import else None,
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


async def _advance(tx: Transaction, row: DataImportRow, answer: DataImportResponse) -> None:
    match answer.step:
        case DataImportStep.WRONG_CODE:
            await _count_wrong_code(tx, row)
        case DataImportStep.DONE:
            await _conclude(tx, row, answer)
        case DataImportStep.ENDED:
            await DataImportRepository(tx).advance(
                row.element_id, DataImportState.ENDED, reason=answer.reason or "unknown"
            )
        case DataImportStep.AWAITING_CODE | DataImportStep.PENDING:
            await DataImportRepository(tx).advance(
                row.element_id,
                DataImportState(answer.step),
                source=answer.source,
                reference=answer.reference,
                authorise_url=answer.authorise_url,
            )


async def _count_wrong_code(tx: Transaction, row: DataImportRow) -> None:
    application = found(
        await ApplicationRepository(tx).get(row.application_id), f"application {row.application_id}"
    )
    policy = (await product_of(tx, application)).policy_of(ElementKind(row.kind))
    is_last = row.wrong_codes + 1 >= policy.codes
    if is_last and policy.codes_prove:
        provider = row.source or row.kind
        mismatch = Finding(provider, Verdict.MISMATCH, TOO_MANY_CODES)
        await DataImportRepository(tx).advance(row.element_id, row.state, wrong_code=True)
        await _conclude(tx, row, DataImportResponse(DataImportStep.DONE, finding=mismatch))
        return
    await DataImportRepository(tx).advance(
        row.element_id,
        DataImportState.ENDED if is_last else DataImportState.AWAITING_CODE,
        reason=TOO_MANY_CODES if is_last else None,
        wrong_code=True,
    )


async def _conclude(tx: Transaction, row: DataImportRow, answer: DataImportResponse) -> None:
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
    await DataImportRepository(tx).advance(row.element_id, DataImportState.DONE)


async def _recorded(tx: Transaction, element_id: str) -> DataImportProgress:
    """Return where a data import stands: its verdict, or what is waited for."""
    row = found(await DataImportRepository(tx).get(element_id), f"data import of {element_id}")
    verified = await ElementRepository(tx).verification(element_id)
    return DataImportProgress(
        element_id=element_id,
        kind=ElementKind(row.kind),
        verdict=verified.verdict if verified else _VERDICTS[row.state],
        reason=verified.reason if verified else row.reason,
        begun_at=row.begun_at,
    )
