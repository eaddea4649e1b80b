"""Documents judged one by one (W22): what is asked again, what stays, and further ones."""

from datetime import timedelta

import pytest

from domain.applications.application import Supplement, SupplementRefused
from domain.applications.documents import (
    DocumentKind,
    DocumentNotAskedFor,
    DocumentNotThere,
    DocumentsIncomplete,
    DocumentVerdict,
)
from domain.cases.cases import ClaimNeeded
from domain.people.principals import Principal
from domain.verification.elements import ElementKind
from messages.applications import ProvideElements
from messages.ids import new_id
from runtime.clock import utc_now
from sandbox import personas, pictures
from services.applications.documents import (
    GivenDocument,
    check_documents,
    documents_asked_for,
    give_documents,
)
from services.cases.document_judging import Extra, Judgement, judge_documents
from services.common.commands import Command
from storage.applications.documents import JudgementRow
from storage.applications.supplements import SupplementRepository
from tests.api.cases.opened import PERSON, Opened, a_pdf
from tests.api.conftest import bearer

ACCEPTED, AGAIN = DocumentVerdict.ACCEPTED, DocumentVerdict.AGAIN
FRONT, BACK, FACE = DocumentKind.CARD_FRONT, DocumentKind.CARD_BACK, DocumentKind.LIVENESS


async def judge(
    case: Opened, who: Principal, *said: Judgement, extras: tuple[Extra, ...] = ()
) -> None:
    """Judge documents, and reopen what follows, as the process does."""
    async with case.services.database.transaction() as tx:
        asked = await judge_documents(
            tx, who, Command(who.actor, "judge", new_id("act")), case.case_id, said, extras
        )
        if not asked.kinds:
            return
        at = utc_now()
        supplements = SupplementRepository(tx)
        round_ = len(await supplements.of(asked.application_id)) + 1
        supplement = Supplement(
            round=round_,
            kinds=asked.kinds,
            requested_by=who.actor,
            reason=asked.reason,
            due_at=at + timedelta(days=7),
        )
        await tx.connection.execute(
            "insert into supplements (application_id, round, kinds, reason, requested_by,"
            " requested_at, due_at) values ($1, $2, $3, $4, $5, $6, $7)",
            asked.application_id,
            round_,
            list(supplement.kinds),
            supplement.reason,
            who.actor,
            at,
            supplement.due_at,
        )


async def ask_again(case: Opened, *extras: Extra) -> dict[str, JudgementRow]:
    """Accept the front, ask for the back and the face again; return what is asked for."""
    await judge(
        case,
        await case.claim(),
        Judgement(FRONT, ACCEPTED, None),
        Judgement(BACK, AGAIN, "the back is blurred"),
        Judgement(FACE, AGAIN, "the face is in the dark"),
        extras=extras,
    )
    return await asked_for(case)


async def asked_for(case: Opened) -> dict[str, JudgementRow]:
    async with case.services.database.read() as tx:
        rows = await documents_asked_for(tx, Principal("partner", "app"), case.application_id)
    return {row.name or row.document: row for row in rows}


async def give(case: Opened, *documents: GivenDocument) -> ProvideElements | None:
    partner, database = Principal("partner", "app"), case.services.database
    checked = await check_documents(database, partner, case.application_id, documents)
    async with database.transaction() as tx:
        command = Command(partner.actor, "give", new_id("act"))
        _, provided = await give_documents(tx, partner, command, case.application_id, checked)
    return provided


async def test_the_applicant_sees_exactly_what_is_asked_again_with_the_reasons(
    held: Opened,
) -> None:
    await ask_again(held, Extra("工资单 payslip", "the income is not clear"))
    answer = await held.http.get(
        f"/v1/applications/{held.application_id}/documents", headers=bearer("partner", "app")
    )
    told = [(one["document"], one["name"], one["reason"]) for one in answer.json()["items"]]
    assert sorted(told) == [
        ("extra", "工资单 payslip", "the income is not clear"),
        ("identity_card.back", None, "the back is blurred"),
        ("liveness", None, "the face is in the dark"),
    ]
    for stranger in (bearer("partner", "acme"), bearer("applicant", "bob")):
        path = f"/v1/applications/{held.application_id}/documents"
        assert (await held.http.get(path, headers=stranger)).status_code == 404


async def test_one_side_given_again_leaves_the_other_accepted(held: Opened) -> None:
    asked = await ask_again(held)
    other = pictures.card_back(personas.person("approved", 9))
    provided = await give(held, GivenDocument(asked["identity_card.back"].id, other))
    assert provided is not None
    assert [one.kind for one in provided.elements] == [ElementKind.IDENTITY_CARD]
    assert set(await asked_for(held)) == {"liveness"}
    await held.claim()
    document = await held.document()
    said = {one["document"]: one for one in document["documents"]}
    front, back = said["identity_card.front"], said["identity_card.back"]
    assert (front["verdict"], front["is_current"]) == ("accepted", True)
    assert (back["verdict"], back["is_current"], back["is_open"]) == ("again", False, False)
    attempts = [one["attempt"] for one in document["pictures"] if one["place"] == "back"]
    assert attempts == [1, 2]


async def test_the_side_that_is_kept_is_the_same_picture(held: Opened) -> None:
    asked = await ask_again(held)
    content = pictures.card_back(personas.person("approved", 9))
    await give(held, GivenDocument(asked["identity_card.back"].id, content))
    async with held.services.database.read() as tx:
        same = await tx.connection.fetch(
            "select p.place, count(distinct p.content_idx) as pictures from element_pictures p"
            " join elements e on e.id = p.element_id where e.application_id = $1"
            " and e.kind = 'identity_card' group by p.place order by p.place",
            held.application_id,
        )
    assert [tuple(row) for row in same] == [("back", 2), ("front", 1)]


async def test_both_sides_asked_for_come_together(held: Opened) -> None:
    who = await held.claim()
    await judge(held, who, Judgement(FRONT, AGAIN, "cut off"), Judgement(BACK, AGAIN, "blurred"))
    asked = await asked_for(held)
    back = GivenDocument(asked["identity_card.back"].id, pictures.card_back(PERSON))
    with pytest.raises(DocumentsIncomplete, match=r"identity_card\.front"):
        await give(held, back)
    front = GivenDocument(asked["identity_card.front"].id, pictures.card_front(PERSON))
    assert await give(held, front, back) is not None
    assert await asked_for(held) == {}


async def test_a_further_document_is_asked_for_by_name_and_shows_in_the_case(held: Opened) -> None:
    rita = await held.claim()
    await judge(held, rita, extras=(Extra("payslip of October", "the income is not clear"),))
    asked = (await asked_for(held))["payslip of October"]
    assert await give(held, GivenDocument(asked.id, a_pdf())) is None
    assert await asked_for(held) == {}
    files = (await held.document())["files"]
    assert [(one["name"], one["judgement_id"]) for one in files] == [
        ("payslip of October", asked.id)
    ]
    with pytest.raises(DocumentNotAskedFor, match="already"):
        await give(held, GivenDocument(asked.id, a_pdf(b"<</Other 1>>")))


async def test_what_nobody_asked_for_is_not_taken(held: Opened) -> None:
    asked = await ask_again(held)
    for wrong in (new_id("doc"), asked["liveness"].id):
        with pytest.raises(DocumentNotAskedFor):
            await give(held, GivenDocument(wrong, a_pdf()))


async def test_documents_are_judged_by_who_holds_the_case(case: Opened) -> None:
    rolf = await case.principal("rolf")
    with pytest.raises(ClaimNeeded):
        await judge(case, rolf, Judgement(FRONT, ACCEPTED, None))


async def test_a_third_round_is_refused_and_leaves_nothing(held: Opened) -> None:
    for _ in range(2):
        await ask_again(held)
    with pytest.raises(SupplementRefused):
        await ask_again(held, Extra("letter", "why"))
    assert "letter" not in await asked_for(held)


async def test_a_document_that_was_not_given_is_not_judged(held: Opened) -> None:
    who = await held.claim()
    async with held.services.database.transaction() as tx:
        await tx.connection.execute(
            "update elements set kind = 'ecommerce' where application_id = $1"
            " and kind = 'liveness'",
            held.application_id,
        )
    with pytest.raises(DocumentNotThere) as refused:
        await judge(held, who, Judgement(FACE, AGAIN, "dark"))
    assert refused.value.field == "judgements.0.document"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"judgements": [{"document": "identity_card.back", "verdict": "again"}]},
        {"judgements": [{"document": "extra", "verdict": "accepted"}]},
        {"judgements": [{"document": "liveness", "verdict": "accepted"}] * 2},
        {"extras": [{"name": "payslip"}]},
        {"extras": [{"name": "x", "reason": "number 110101199003070000 is wrong"}]},
    ],
)
async def test_a_judgement_says_what_and_why(held: Opened, body: object) -> None:
    assert (await held.post("/documents", body)).status_code == 422


async def test_files_and_judgements_go_with_the_application(held: Opened) -> None:
    rita = await held.claim()
    await judge(held, rita, extras=(Extra("payslip", "income"),))
    await give(held, GivenDocument((await asked_for(held))["payslip"].id, a_pdf()))
    async with held.services.database.read() as tx:
        rules = await tx.connection.fetch(
            "select conrelid::regclass::text as owner, confdeltype from pg_constraint"
            " where contype = 'f' and confrelid = 'applications'::regclass and conrelid in"
            " ('application_files'::regclass, 'document_judgements'::regclass)"
        )
    assert {(row["owner"], row["confdeltype"]) for row in rules} == {
        ("application_files", b"c"),
        ("document_judgements", b"c"),
    }
