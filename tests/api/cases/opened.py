"""A case in review of which every fact and picture is known."""

import base64
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any

import httpx
from PIL import Image

from api.http.services import Services
from domain.cases.cases import CaseKind
from domain.people.principals import Principal
from domain.verification.elements import Element, ElementKind, Verdict
from messages.ids import case_of, new_id
from runtime.clock import utc_now
from sandbox import personas, pictures
from services.cases.claims import claim_case
from services.verification.intake import clean_pictures
from storage.cases import CaseCreate, CaseRepository
from storage.people.applicants import ApplicantRepository
from storage.people.staff import StaffRepository
from storage.verification.elements import ElementCreate, ElementRepository
from tests.api import seeds
from tests.api.conftest import bearer, keyed
from tests.integration import story

PERSON = personas.person("approved", 7)
RITA, ROLF, OTTO = ("reviewer", "rita"), ("reviewer", "rolf"), ("ops", "otto")


@dataclass(frozen=True)
class Opened:
    """A case with its application, every picture given."""

    services: Services
    http: httpx.AsyncClient
    case_id: str
    application_id: str
    applicant_id: str

    @property
    def url(self) -> str:
        return f"/v1/cases/{self.case_id}"

    async def principal(self, handle: str) -> Principal:
        async with self.services.database.read() as tx:
            row = await StaffRepository(tx).of_handle(handle)
        assert row is not None
        return Principal("reviewer", handle, row.id)

    async def claim(self, handle: str = "rita") -> Principal:
        who = await self.principal(handle)
        async with self.services.database.transaction() as tx:
            await claim_case(tx, who, self.case_id, new_id("act"))
        return who

    async def get(self, path: str, who: tuple[str, str] = RITA) -> httpx.Response:
        return await self.http.get(f"{self.url}{path}", headers=bearer(*who))

    async def post(self, path: str, body: object, who: tuple[str, str] = RITA) -> httpx.Response:
        return await self.http.post(f"{self.url}{path}", headers=keyed(*who), json=body)

    async def document(self, who: tuple[str, str] = RITA) -> dict[str, Any]:
        answer = await self.get("/document", who)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def views(self, *kinds: str) -> list[dict[str, Any]]:
        answer = await self.http.get(f"/v1/users/{self.applicant_id}/views", headers=bearer(*OTTO))
        assert answer.status_code == 200, answer.text
        return [one for one in answer.json()["items"] if not kinds or one["kind"] in kinds]


async def opened_case(
    services: Services, http: httpx.AsyncClient, reference: str, channel: str = "app"
) -> Opened:
    """An application in review of which every fact and picture is known."""
    front, back = pictures.card_front(PERSON), pictures.card_back(PERSON)
    face = story.liveness(PERSON).doing("blink", "nod")
    given: list[Element] = [
        story.real_name(PERSON),
        story.operator(PERSON),
        story.bank_card(PERSON),
        story.personal_information(PERSON, "13900001111", "13900002222"),
        story.identity_card(front, back),
        face,
    ]
    cleaned = await clean_pictures(given)
    at = utc_now()
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, channel, reference)
        new = [
            ElementCreate(new_id("elt"), ElementKind(one.kind), one, cleaned.get(one.kind, {}))
            for one in given
        ]
        await ElementRepository(tx).add(start.application_id, new)
        for one in new:
            await ElementRepository(tx).record_verification(
                one.id, Verdict.MATCH, None, {"similarity": "0.97"}, "registry", at
            )
        await ApplicantRepository(tx).remember(
            start.applicant_id,
            name=PERSON.name,
            identity_number=PERSON.identity_number,
            mobile=PERSON.mobile,
            bank_card=PERSON.card_number,
        )
        case_id = case_of(start.application_id)
        await CaseRepository(tx).open(
            CaseCreate(
                id=case_id,
                kind=CaseKind.REVIEW,
                subject=start.application_id,
                channel=channel,
                product="cash",
                currency="CNY",
                amount=start.amount,
                instalments=12,
                score=None,
                rules=(),
                overridden_by=(),
                queue="initial",
                skill=None,
                strategy="review_strategy/standard@1",
                opened_at=at,
                due_at=at + timedelta(hours=4),
                assigned_to=None,
            )
        )
    return Opened(services, http, case_id, start.application_id, start.applicant_id)


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def a_pdf(body: bytes = b"<</Type/Catalog>>") -> bytes:
    return b"%PDF-1.7\n1 0 obj" + body + b"endobj\n" + b"% filler\n" * 10 + b"%%EOF\n"


def a_picture(mode: str = "PNG", size: tuple[int, int] = (200, 100)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, "white").save(file, mode)
    return file.getvalue()
