"""Elements on record across applications: what counts, where it came from, whose it is."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from domain.applications.application import Supplement
from domain.cases.cases import CaseKind
from domain.people.consents import CONSENT_TEXT, Purpose
from domain.verification.elements import Element, ElementKind, Verdict
from domain.verification.liveness_challenge import ChallengeExpired
from messages.applications import StartApplication
from messages.ids import new_id
from runtime.clock import utc_now
from sandbox import personas
from sandbox.personas import Person
from services.applications.reviews import open_review_of
from services.cases.stages import pause_case, resume_case
from services.verification.intake import clean_pictures
from services.verification.reuse import reuse_verifications
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.applications.supplements import SupplementRepository
from storage.cases import CaseRepository, CaseRow
from storage.common.audit import AuditRepository
from storage.common.errors import IdempotencyMismatch, RecordMissing
from storage.common.repository import Transaction
from storage.database import Database
from storage.people.applicants import ApplicantRepository
from storage.people.consents import ConsentCreate, ConsentRepository
from storage.verification.data_imports import DataImportRepository, DataImportState
from storage.verification.elements import ElementCreate, ElementRepository, ElementStatus
from storage.verification.liveness_challenges import LivenessChallengeRepository
from tests.definitions import ref
from tests.integration import story
from tests.products import CASH

NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)
TODAY = date(2026, 3, 1)
REAL_NAME, OPERATOR = ElementKind.REAL_NAME, ElementKind.OPERATOR
LIVENESS, CARD = ElementKind.LIVENESS, ElementKind.BANK_CARD


async def apply_as(tx: Transaction, channel: str, reference: str) -> ApplicationRow:
    applicant = await ApplicantRepository(tx).get_or_create(new_id("per"), channel, reference)
    start = StartApplication(
        application_id=new_id("app"),
        applicant_id=applicant.id,
        product=CASH,
        channel=channel,
        currency="CNY",
        amount=1_000_000,
        instalments=12,
    )
    for purpose in Purpose:
        await ConsentRepository(tx).grant(
            applicant.id,
            [ConsentCreate(new_id("con"), purpose, "1", "0" * 64, ref(CONSENT_TEXT, purpose))],
            channel=channel,
            given_by="test",
            at=NOON,
        )
    return await ApplicationRepository(tx).insert(start, created_by="test")


async def verify(
    tx: Transaction,
    application: ApplicationRow,
    *data: Element,
    at: datetime = NOON,
    verdict: Verdict = Verdict.MATCH,
) -> list[str]:
    """Record elements with their verdict, and remember what they confirm."""
    made = []
    for element in data:
        element_id = new_id("elt")
        kind = ElementKind(element.kind)
        pictures = (await clean_pictures([element])).get(kind, {})
        new = ElementCreate(element_id, kind, element, pictures)
        await ElementRepository(tx).add(application.id, [new])
        reason = None if verdict is Verdict.MATCH else "wrong"
        await ElementRepository(tx).record_verification(element_id, verdict, reason, {}, "test", at)
        if element.kind == "real_name":
            await ApplicantRepository(tx).remember(
                application.applicant_id,
                name=element.name,
                identity_number=element.identity_number,
            )
        made.append(element_id)
    return made


def basic(who: Person) -> tuple[Element, ...]:
    return story.real_name(who), story.operator(who), face(who), story.bank_card(who)


def face(who: Person) -> Element:
    return story.liveness(who).doing("blink", "nod")


async def reuse(
    tx: Transaction, application: ApplicationRow, on: date = TODAY
) -> dict[ElementKind, ElementStatus]:
    taken = await reuse_verifications(tx, application, CASH, CASH.kinds, on, NOON)
    return {status.kind: status for status in taken}


@pytest.mark.parametrize(
    ("days", "kinds"),
    [
        (0, {REAL_NAME, OPERATOR, LIVENESS, CARD}),
        (1, {REAL_NAME, OPERATOR, LIVENESS, CARD}),
        (2, {REAL_NAME, OPERATOR, CARD}),
        (30, {REAL_NAME, OPERATOR, CARD}),
        (31, {REAL_NAME}),
        (365, {REAL_NAME}),
        (366, set()),
    ],
)
async def test_what_has_not_expired_on_the_applications_date_counts(
    database: Database, days: int, kinds: set[ElementKind]
) -> None:
    who = personas.person("approved", 1)
    reference = new_id("per")
    async with database.transaction() as tx:
        made = await verify(tx, await apply_as(tx, "app", reference), *basic(who))
        later = await apply_as(tx, "app", reference)
        taken = await reuse(tx, later, TODAY + timedelta(days=days))
        assert set(taken) == kinds
        assert {status.element_id for status in taken.values()} <= set(made)
        if REAL_NAME in taken:
            assert taken[REAL_NAME].counts_until == TODAY + timedelta(days=365)
            assert taken[REAL_NAME].verified_at == NOON
            newest = await ElementRepository(tx).newest(later.id, REAL_NAME)
            assert newest is not None
            assert newest.data == story.real_name(who)


async def test_the_business_date_of_a_verification_is_the_lenders(database: Database) -> None:
    """Seven in the evening of 1 March UTC is three in the morning of 2 March in Shanghai."""
    who = personas.person("approved", 2)
    async with database.transaction() as tx:
        application = await apply_as(tx, "app", new_id("per"))
        await verify(tx, application, story.operator(who), at=NOON.replace(hour=19))
        kept = await ElementRepository(tx).verified_earlier(application.applicant_id)
    # Thirty days from there.
    assert [item.counts_until(CASH) for item in kept] == [date(2026, 4, 1)]


async def test_a_mismatch_is_never_kept(database: Database) -> None:
    who = personas.person("approved", 3)
    async with database.transaction() as tx:
        application = await apply_as(tx, "app", new_id("per"))
        await verify(tx, application, story.operator(who), verdict=Verdict.MISMATCH)
        assert await ElementRepository(tx).verified_earlier(application.applicant_id) == []


async def test_a_stranger_is_given_nothing_and_an_unknown_person_is_nobodys_twin(
    database: Database,
) -> None:
    one, other = personas.person("approved", 4), personas.person("approved", 5)
    async with database.transaction() as tx:
        await verify(tx, await apply_as(tx, "app", new_id("per")), *basic(one))
        stranger = await apply_as(tx, "acme", new_id("per"))
        await verify(tx, stranger, story.real_name(other), face(other))
        nameless = await apply_as(tx, "acme", new_id("per"))
        also_nameless = await apply_as(tx, "acme", new_id("per"))
        await verify(tx, also_nameless, story.operator(other), face(other))
        for application in (stranger, nameless):
            assert await reuse(tx, application) == {}


async def test_the_same_person_elsewhere_counts_after_the_face(database: Database) -> None:
    who = personas.person("approved", 6)
    async with database.transaction() as tx:
        await verify(tx, await apply_as(tx, "app", new_id("per")), *basic(who))
        elsewhere = await apply_as(tx, "acme", new_id("per"))
        await verify(tx, elsewhere, story.real_name(who))
        assert await reuse(tx, elsewhere) == {}
        await verify(tx, elsewhere, face(who))
        assert set(await reuse(tx, elsewhere)) == {OPERATOR, CARD}
        personal = await ApplicantRepository(tx).personal(elsewhere.applicant_id)
    assert (personal.mobile, personal.bank_card) == (who.mobile, who.card_number)


async def test_what_is_not_consented_to_any_more_is_not_taken_over(database: Database) -> None:
    who = personas.person("approved", 11)
    reference = new_id("per")
    async with database.transaction() as tx:
        first = await apply_as(tx, "app", reference)
        await verify(tx, first, *basic(who))
        purpose = Purpose.BANK_CARD_VERIFICATION
        await ConsentRepository(tx).revoke(first.applicant_id, purpose, revoked_by="test", at=NOON)
        second = await ApplicationRepository(tx).insert(
            StartApplication(
                application_id=new_id("app"),
                applicant_id=first.applicant_id,
                product=CASH,
                channel="app",
                currency="CNY",
                amount=1_000_000,
                instalments=12,
            ),
            created_by="test",
        )
        assert set(await reuse(tx, second)) == {REAL_NAME, OPERATOR, LIVENESS}


async def test_taking_over_twice_or_at_once_has_one_effect(database: Database) -> None:
    who = personas.person("approved", 7)
    reference = new_id("per")
    async with database.transaction() as tx:
        await verify(tx, await apply_as(tx, "app", reference), *basic(who))
        later = await apply_as(tx, "app", reference)

    async def again() -> int:
        async with database.transaction() as tx:
            return len(await reuse(tx, later))

    assert await asyncio.gather(*(again() for _ in range(8))) == [4] * 8
    async with database.read() as tx:
        audited = await AuditRepository(tx).of(f"application:{later.id}")
    assert len(audited) == 4
    assert {row.detail["kind"] for row in audited} == {REAL_NAME, OPERATOR, LIVENESS, CARD}


async def test_what_is_provided_later_counts_before_what_was_taken_over(
    database: Database,
) -> None:
    who, other = personas.person("approved", 8), personas.person("approved", 9)
    reference = new_id("per")
    async with database.transaction() as tx:
        await verify(tx, await apply_as(tx, "app", reference), *basic(who))
        later = await apply_as(tx, "app", reference)
        await reuse_verifications(
            tx, later, CASH, (OPERATOR,), TODAY, utc_now() - timedelta(minutes=1)
        )
    async with database.transaction() as tx:
        (given,) = await verify(tx, later, story.operator(other), verdict=Verdict.MISMATCH)
        (status,) = [
            one for one in await ElementRepository(tx).latest(later.id) if one.kind is OPERATOR
        ]
    assert (status.element_id, status.verdict, status.reused) == (given, Verdict.MISMATCH, False)
    assert (status.attempt, status.mismatches) == (1, 1)


# Data imports


async def test_a_data_import_that_is_over_stays_over(database: Database) -> None:
    who = personas.person("approved", 10)
    async with database.transaction() as tx:
        application = await apply_as(tx, "app", new_id("per"))
        element_id = new_id("elt")
        await ElementRepository(tx).add(
            application.id, [ElementCreate(element_id, OPERATOR, story.operator(who))]
        )
        first = await DataImportRepository(tx).begin(element_id, "application:1", NOON)
        assert await DataImportRepository(tx).begin(element_id, "application:2", NOON) == first
        await DataImportRepository(tx).advance(
            element_id, DataImportState.AWAITING_CODE, reference="ref-1"
        )
        await DataImportRepository(tx).advance(
            element_id, DataImportState.ENDED, reason="no_answer"
        )
        late = await DataImportRepository(tx).advance(
            element_id, DataImportState.PENDING, reference="ref-2"
        )
        (status,) = await ElementRepository(tx).latest(application.id)
    assert (late.state, late.reference, late.reason) == (
        DataImportState.ENDED,
        "ref-1",
        "no_answer",
    )
    assert (status.verdict, status.reason) == (Verdict.UNAVAILABLE, "no_answer")


async def test_a_code_is_sealed_and_erased_once_answered(database: Database) -> None:
    who = personas.person("approved", 11)
    async with database.transaction() as tx:
        application = await apply_as(tx, "app", new_id("per"))
        one, two = new_id("elt"), new_id("elt")
        for element_id in (one, two):
            await ElementRepository(tx).add(
                application.id, [ElementCreate(element_id, OPERATOR, story.operator(who))]
            )
            await DataImportRepository(tx).begin(element_id, "application:1", NOON)
        code_id = new_id("act")
        await DataImportRepository(tx).enter_code(code_id, one, "654321")
        await DataImportRepository(tx).enter_code(code_id, one, "654321")
        with pytest.raises(IdempotencyMismatch):
            await DataImportRepository(tx).enter_code(code_id, two, "654321")
        assert await DataImportRepository(tx).code(code_id) == "654321"
        sealed = await tx.connection.fetchval(
            "select code_enc from data_import_codes where id = $1", code_id
        )
        assert b"654321" not in sealed
        assert [await DataImportRepository(tx).forget_code(code_id) for _ in range(2)] == [
            True,
            False,
        ]
        assert await DataImportRepository(tx).code(code_id) is None
        with pytest.raises(RecordMissing):
            await DataImportRepository(tx).advance(new_id("elt"), DataImportState.PENDING)


# Supplements


async def test_a_case_waits_for_its_supplement_and_is_due_later_by_it(database: Database) -> None:
    asked = Supplement(round=1, kinds=(OPERATOR,), requested_by="rita", reason="x", due_at=NOON)
    async with database.transaction() as tx:
        application = await apply_as(tx, "app", new_id("per"))
        await open_review_of(tx, application.id, NOON, NOON + timedelta(minutes=30))
        asked_at = NOON + timedelta(minutes=10)
        assert [
            await SupplementRepository(tx).open(application.id, asked, asked_at) for _ in range(2)
        ] == [True, False]
        opened = await _case(tx, application.id)
        await pause_case(tx, opened, "rita", asked_at, f"{opened.id}:paused", back_to="rita")
        waiting = await _case(tx, application.id)
        assert (waiting.paused_at, waiting.assigned_to) == (asked_at, "rita")
        assert application.id not in [
            row.subject for row in await CaseRepository(tx).page(None, 99)
        ]
        assert [
            await SupplementRepository(tx).complete(application.id, 1, NOON + timedelta(hours=2))
            for _ in range(2)
        ] == [True, False]
        await resume_case(tx, waiting, "system", NOON + timedelta(hours=2), f"{opened.id}:resumed")
        case = await _case(tx, application.id)
        assert (case.paused_at, case.due_at) == (None, NOON + timedelta(minutes=140))
        assert await SupplementRepository(tx).open_of(application.id) is None


async def _case(tx: Transaction, application_id: str) -> CaseRow:
    row = await CaseRepository(tx).of_subject(CaseKind.REVIEW, application_id)
    assert row is not None
    return row


async def test_when_a_face_was_asked_is_a_fact(database: Database) -> None:
    minutes = timedelta(minutes=10)
    async with database.transaction() as tx:
        application = await apply_as(tx, "app", "challenged")
        told = await LivenessChallengeRepository(tx).ask(application.id, NOON, minutes)
        with pytest.raises(RecordMissing):
            await LivenessChallengeRepository(tx).ask(new_id("app"), NOON, minutes)
    assert told.expires_at == NOON + minutes
    for statement in (
        "update liveness_challenges set expires_at = now() where application_id = $1",
        "delete from liveness_challenges where application_id = $1",
    ):
        async with database.autocommit() as tx:
            with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                await tx.connection.execute(statement, application.id)


async def test_a_challenge_is_open_to_the_last_moment_and_not_in_it(database: Database) -> None:
    minutes = timedelta(minutes=10)
    end, moment = NOON + minutes, timedelta(microseconds=1)
    async with database.transaction() as tx:
        application = await apply_as(tx, "app", "punctual")
        first = await LivenessChallengeRepository(tx).ask(application.id, NOON, minutes)
        assert (
            await LivenessChallengeRepository(tx).ask(application.id, end - moment, minutes)
            == first
        )
        await LivenessChallengeRepository(tx).check_open(
            application.id, new_id("elt"), end - moment
        )
        with pytest.raises(ChallengeExpired, match="run out"):
            await LivenessChallengeRepository(tx).check_open(application.id, new_id("elt"), end)
        second = await LivenessChallengeRepository(tx).ask(application.id, end, minutes)
    assert (second.attempt, second.expires_at) == (1, end + minutes)
    assert second.actions != first.actions
