"""Beginning an application."""

from dataclasses import dataclass

from domain.applications.appeals import Appeal
from domain.applications.application import ApplicationPending
from domain.cases.cases import CaseKind
from domain.common.calendar import business_date
from domain.common.suspensions import Suspendable
from domain.people.principals import Principal
from messages.applications import StartApplication
from messages.verification import ReusedElement
from services.common.commands import Command
from services.definitions.suspending import refuse_suspended
from services.people.consenting import ShownText, record_consents
from services.people.ownership import applicant_id_of, customer_to_apply_as
from services.products.agreed import product_of, product_on_offer
from services.verification.progress import element_records
from services.verification.reuse import reuse_verifications
from storage.applications.appeals import AppealRepository
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.applications.supplements import SupplementRepository
from storage.cases import CaseRepository
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction
from storage.people.applicants import ApplicantRepository
from storage.people.devices import DeviceRepository, Platform
from storage.verification.elements import ElementRepository


@dataclass(frozen=True)
class Device:
    """What an application is made on; the id is an opaque one of the app's own."""

    device_id: str
    platform: Platform


@dataclass(frozen=True, kw_only=True)
class CreditRequest:
    """What is applied for; `amount` in minor units of the product's currency.

    `channel` None is the caller's own. `consents` are what the applicant agrees to with it.
    """

    product: str
    channel: str | None
    customer_reference: str
    amount: int
    instalments: int
    device: Device | None = None
    consents: tuple[ShownText, ...] = ()


@dataclass(frozen=True)
class BegunApplication:
    """A recorded application, and what its process is to be started with."""

    application: ApplicationRow
    start: StartApplication


async def begin_application(
    tx: Transaction, caller: Principal, command: Command, request: CreditRequest, *, lender: str
) -> BegunApplication:
    """Record an application to a lender, with the earlier verifications that count for it.

    Raises `UnknownProduct`, `OutsideProduct`, `NotAllowed`, `UnknownConsentText` and
    `ApplicationPending`, `Suspended`. A repeat returns what the command began.
    """
    channel, reference = customer_to_apply_as(caller, request.channel, request.customer_reference)
    applicant = await ApplicantRepository(tx).get_or_create(
        applicant_id_of(channel, reference), channel, reference, lender=lender
    )
    application_id = command.new_id("app")
    begun = await ApplicationRepository(tx).get(application_id)
    # A repeat goes on with what was agreed, whatever was released meanwhile.
    product = await (
        product_on_offer(tx, request.product) if begun is None else product_of(tx, begun)
    )
    product.content.check_request(request.amount, request.instalments)
    start = StartApplication(
        application_id=application_id,
        applicant_id=applicant.id,
        product=product,
        channel=channel,
        currency=product.content.currency,
        amount=request.amount,
        instalments=request.instalments,
    )
    await _refuse_second(tx, caller, start)
    row = await ApplicationRepository(tx).insert(start, created_by=command.subject)
    await record_consents(tx, caller, command, applicant, request.consents)
    if request.device is not None:
        await DeviceRepository(tx).see(
            row.id,
            applicant.id,
            request.device.device_id,
            request.device.platform,
            row.created_at,
        )
    return BegunApplication(row, await start_of_application(tx, row))


async def start_of_application(tx: Transaction, row: ApplicationRow) -> StartApplication:
    """Return what the process of a recorded application starts with, as it was agreed."""
    product = await product_of(tx, row)
    opened_on = business_date(row.created_at, product.zone)
    reused = await reuse_verifications(tx, row, product, product.kinds, opened_on, row.created_at)
    return StartApplication(
        application_id=row.id,
        applicant_id=row.applicant_id,
        product=product,
        channel=row.channel,
        currency=row.currency,
        amount=row.amount,
        instalments=row.instalments,
        reused=tuple(ReusedElement(kind=one.kind, element_id=one.element_id) for one in reused),
        appeal=await _appeal_of(tx, row),
    )


async def _appeal_of(tx: Transaction, row: ApplicationRow) -> Appeal | None:
    """Return how an application goes on that was appealed, None if it was not."""
    if not row.state_seq or await AppealRepository(tx).get(row.id) is None:
        return None
    case = await CaseRepository(tx).of_subject(CaseKind.REVIEW, row.id)
    if case is None:
        raise RecordMissing(f"no review of {row.id}, which was appealed")
    statuses = await ElementRepository(tx).latest(row.id)
    records = element_records(statuses, None).values()
    return Appeal(
        state_seq=row.state_seq,
        # What was still being verified when the application ended is not asked about any more.
        elements=tuple(one for one in records if not one.verdict.is_open),
        supplement_rounds=len(await SupplementRepository(tx).of(row.id)),
        review_due_at=case.due_at,
    )


async def _refuse_second(tx: Transaction, caller: Principal, start: StartApplication) -> None:
    """Raise `ApplicationPending` unless the person may begin an application.

    It tells which one is in the way only to who may see it. A repeat of what began it may go on.
    """
    await ApplicantRepository(tx).lock(start.applicant_id)
    if await ApplicationRepository(tx).get(start.application_id) is not None:
        return
    await refuse_suspended(tx, Suspendable.PRODUCT, start.product.code)
    await refuse_suspended(tx, Suspendable.CHANNEL, start.channel)
    pending = await ApplicationRepository(tx).pending_of(
        start.applicant_id, start.product.code, except_for=start.application_id
    )
    if pending is None:
        return
    is_shown = pending.applicant_id == start.applicant_id or (
        pending.channel == start.channel and caller.role == "partner"
    )
    which = f"{pending.id} is {pending.state}" if is_shown else "There is one elsewhere"
    raise ApplicationPending(
        f"{which}: a person has one application for {start.product.code} at a time, until it is"
        " over and no line of it is open.",
        pending.id,
    )
