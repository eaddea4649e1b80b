"""Judging documents one by one: accepted, or asked for again with a reason, and further ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.applications.application import check_may_supplement
from domain.applications.documents import (
    ELEMENTS,
    MAX_EXTRAS,
    DocumentKind,
    DocumentNotThere,
    DocumentVerdict,
    TooManyDocuments,
)
from domain.people.principals import Principal
from domain.verification.elements import ElementKind
from messages.ids import application_workflow
from runtime.clock import utc_now
from services.cases.claims import require_claim
from services.cases.finding import find_case
from services.common.commands import Command
from services.products.agreed import product_of
from storage.applications.applications import ApplicationRepository
from storage.applications.documents import JudgementRepository
from storage.applications.supplements import SupplementRepository
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.verification.elements import ElementRepository


@dataclass(frozen=True)
class Judgement:
    """What a reviewer says of a document that is there; `reason` why it is asked for again."""

    document: DocumentKind
    verdict: DocumentVerdict
    reason: str | None


@dataclass(frozen=True)
class Extra:
    """A further document, by the name under which the applicant is asked for it, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Asked:
    """What follows for the application: the elements to reopen, and why, in one text."""

    application_id: str
    kinds: tuple[ElementKind, ...]
    reason: str


async def judge_documents(
    tx: Transaction,
    caller: Principal,
    command: Command,
    case_id: str,
    judgements: Sequence[Judgement],
    extras: Sequence[Extra],
) -> Asked:
    """Record what the holder of a case says of its documents, all of it or nothing.

    What this command recorded before is returned without a claim: asking for elements again ends
    it. Raises what `require_claim` raises, `DocumentNotThere`, `TooManyDocuments` and
    `SupplementRefused`.
    """
    again = [one for one in judgements if one.verdict is DocumentVerdict.AGAIN]
    kinds = tuple(dict.fromkeys(ELEMENTS[one.document] for one in again))
    application_id = (await find_case(tx, case_id)).subject
    reason = "; ".join(f"{one.document}: {one.reason}" for one in again)[:200]
    asked = Asked(application_id, kinds, reason)
    known = await JudgementRepository(tx).of(application_id)
    ids = {(one.document, ""): command.new_id("doc", one.document) for one in judgements} | {
        (DocumentKind.EXTRA, str(number)): command.new_id("doc", "extra", str(number))
        for number in range(len(extras))
    }
    if any(row.id in ids.values() for row in known):
        return asked
    await require_claim(tx, case_id, caller)
    application = await ApplicationRepository(tx).for_update(application_id)
    assert application is not None  # noqa: S101 -- the case is about it
    if kinds:
        rounds = len(await SupplementRepository(tx).of(application_id))
        check_may_supplement(await product_of(tx, application), rounds, kinds)
    if len(extras) + sum(row.document is DocumentKind.EXTRA for row in known) > MAX_EXTRAS:
        raise TooManyDocuments(
            f"an application is asked for {MAX_EXTRAS} further documents at most"
        )
    at = utc_now()
    for number, one in enumerate(judgements):
        element = await ElementRepository(tx).newest(application_id, ELEMENTS[one.document])
        if element is None or element.application_id != application_id:
            raise DocumentNotThere(
                "the applicant has not given this document in this application",
                field=f"judgements.{number}.document",
            )
        await JudgementRepository(tx).add(
            ids[one.document, ""],
            application_id,
            one.document,
            one.verdict,
            element_id=element.id,
            name=None,
            reason=one.reason,
            by=caller.actor,
            at=at,
        )
    for number, extra in enumerate(extras):
        await JudgementRepository(tx).add(
            ids[DocumentKind.EXTRA, str(number)],
            application_id,
            DocumentKind.EXTRA,
            DocumentVerdict.AGAIN,
            element_id=None,
            name=extra.name,
            reason=extra.reason,
            by=caller.actor,
            at=at,
        )
    await AuditRepository(tx).add_by(
        caller,
        "judge_documents",
        application_workflow(application_id),
        detail={
            "documents": [
                {"document": one.document, "verdict": one.verdict, "reason": one.reason}
                for one in judgements
            ],
            "extras": [{"reason": extra.reason} for extra in extras],
        },
        key=command.new_id("act", "judge_documents"),
    )
    return asked
