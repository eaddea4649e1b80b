"""The simulators' people, pictures, faults, masks and settings, without a network."""

import struct
import zlib
from collections.abc import Callable
from datetime import date
from itertools import product
from pathlib import Path

import phonenumbers
import pytest
from pydantic import ValidationError
from stdnum import luhn
from stdnum.cn import ric

from sandbox import personas, pictures
from sandbox.book import Book
from sandbox.config import SandboxConfig
from sandbox.faults import NO_FAULT, Fault, FaultProgramme
from sandbox.gateway import OPERATIONS
from sandbox.masking import masked
from sandbox.personas import PERSONAS, Person, person, stranger
from sandbox.wire import Debit

DOCUMENT = Path(__file__).parents[3] / "docs" / "sandbox.md"
INDICES = [0, 1, 4_999, 5_000, 123_456, personas.FAMILY_SIZE - 1]


def test_numbers_are_valid_and_lead_back_to_the_person(subtests: pytest.Subtests) -> None:
    for persona, index in product(PERSONAS, INDICES):
        with subtests.test(persona=persona.key, index=index):
            lead_back_to(person(persona.key, index))


def lead_back_to(who: Person) -> None:
    assert ric.is_valid(who.identity_number)
    assert ric.get_birth_date(who.identity_number) == who.birth_date
    assert (int(who.identity_number[16]) % 2 == 1) == (who.sex == "male")
    assert luhn.is_valid(who.card_number)
    assert phonenumbers.is_valid_number(phonenumbers.parse(who.mobile, "CN"))
    assert personas.by_identity(who.identity_number) == who
    assert personas.by_card(who.card_number) == who
    assert luhn.is_valid(who.credit_card_number)
    assert personas.by_credit_card(who.credit_card_number) == who
    assert personas.by_card(who.credit_card_number) is None


def test_all_members_differ() -> None:
    people = [person(persona.key, index) for persona in PERSONAS for index in INDICES]
    people += [stranger(index) for index in INDICES]
    for field in ("identity_number", "mobile", "card_number", "credit_card_number"):
        assert len({getattr(who, field) for who in people}) == len(people)


def test_everybody_is_old_enough_for_a_loan_and_not_too_old() -> None:
    for index in INDICES:
        assert date(1985, 1, 1) <= stranger(index).birth_date <= date(1998, 12, 31)


@pytest.mark.parametrize("index", INDICES)
def test_strangers_are_valid_and_not_in_the_table(index: int) -> None:
    who = stranger(index)
    assert ric.is_valid(who.identity_number)
    assert luhn.is_valid(who.card_number)
    assert personas.by_identity(who.identity_number) is None
    assert personas.by_card(who.card_number) is None


@pytest.mark.parametrize(
    "number",
    [
        "",
        "11010519491231002X",
        "53010219200508011X",
        "130100198502300000",
        "130100198501010001",
        "130100",
        "1301001985010199²1",
        person("story").identity_number[:-1] + "?",
    ],
)
def test_other_identity_numbers_are_nobody(number: str) -> None:
    assert personas.by_identity(number) is None


@pytest.mark.parametrize(
    "number",
    ["", "6222021234567890128", "6299010000000001", "6299019999999990", "6299990000000000"],
)
def test_other_cards_are_nobodys(number: str) -> None:
    assert personas.by_card(number) is None


@pytest.mark.parametrize("index", [-1, personas.FAMILY_SIZE])
def test_a_family_has_an_end(index: int) -> None:
    with pytest.raises(ValueError, match="members"):
        person("story", index)


def test_the_document_lists_every_persona_as_it_is() -> None:
    text = DOCUMENT.read_text("utf-8")
    for persona in PERSONAS:
        who = person(persona.key)
        row = f"| `{persona.key}` | {who.name} | {who.identity_number} | {who.mobile} |"
        assert f"{row} {who.card_number} | {persona.score or '–'} |" in text


def test_the_documents_list_every_operation_and_fault() -> None:
    text = DOCUMENT.read_text("utf-8")
    pages = [DOCUMENT.with_name(page) for page in ("providers.md", "vision.md")]
    operations = text + "".join(page.read_text("utf-8") for page in pages)
    for provider, operation in OPERATIONS:
        assert f"`{provider}/{operation}`" in operations
    for field in Fault.model_fields:
        assert f"`{field}`" in text


def _chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Read a PNG file by its specification, checksums included."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, offset = [], 8
    while offset < len(png):
        length, kind = struct.unpack_from(">I4s", png, offset)
        content = png[offset + 8 : offset + 8 + length]
        (checksum,) = struct.unpack_from(">I", png, offset + 8 + length)
        assert checksum == zlib.crc32(kind + content)
        chunks.append((kind, content))
        offset += 12 + length
    return chunks


@pytest.mark.parametrize(
    "picture",
    [
        pictures.card_front(person("story")),
        pictures.card_back(person("story"), "blurred"),
        pictures.face(person("story"), "blink"),
    ],
)
def test_pictures_are_valid_png_files(picture: bytes) -> None:
    chunks = _chunks(picture)
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour = struct.unpack(">IIBB", chunks[0][1][:10])
    assert (depth, colour) == (8, 0)
    assert len(zlib.decompress(chunks[1][1])) == (width + 1) * height
    assert min(width, height) >= 64
    assert len(picture) < 2_000


@pytest.mark.parametrize("make", [pictures.card_front, pictures.card_back, pictures.face])
def test_no_two_people_give_the_same_file(make: Callable[[personas.Person], bytes]) -> None:
    one, other = person("story", 1), person("story", 2)
    assert make(one) == make(person("story", 1))
    assert make(one) != make(other)


def test_what_stands_beside_the_pixels_shows_nothing() -> None:
    plain = pictures.card_front(person("story"))
    with_text = plain[:33] + _text_chunk(b"Comment\0x") + plain[33:]
    assert pictures.shown(with_text) == pictures.shown(plain)


def _text_chunk(content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(b"tEXt" + content))
    return struct.pack(">I", len(content)) + b"tEXt" + content + checksum


def test_a_picture_shows_its_person() -> None:
    who = person("story")
    assert pictures.shown(pictures.face(who, "nod")) == {
        "shows": "face",
        "quality": "clear",
        "identity_number": who.identity_number,
        "action": "nod",
    }
    front = pictures.shown(pictures.card_front(who, "blurred"))
    assert front is not None
    assert (front["name"], front["quality"]) == ("林小雨", "blurred")


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"not a picture",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0 a photo",
        pictures.card_front(person("story"))[:60],
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**32 - 1) + b"IHDR" + b"\0" * 20,
    ],
)
def test_other_files_show_nothing(file: bytes) -> None:
    assert pictures.shown(file) is None


def test_faults_are_counted_and_replaced() -> None:
    programme = FaultProgramme()
    programme.put(Fault(provider="bureau", status=500, times=2))
    programme.put(Fault(provider="*", latency_seconds=1))
    assert [programme.take("bureau", "score").status for _ in range(3)] == [500, 500, None]
    assert programme.take("payments", "debit").latency_seconds == 1
    programme.put(Fault(provider="*", status=503))
    assert programme.take("payments", "debit").status == 503
    programme.clear()
    assert programme.take("payments", "debit") is NO_FAULT


@pytest.mark.parametrize(
    "fault",
    [
        {"provider": "bureau", "status": 200},
        {"provider": "bureau", "times": 0},
        {"provider": "bureau", "latency_seconds": -1},
        {"provider": "bureau", "typo": True},
        {"provider": "bureau", "reset": True, "status": 500},
        {"status": 500},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(fault: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate(fault)


def test_masks_leave_business_fields_only() -> None:
    who = person("story")
    request = Debit(
        order_no="loan:1:bill:3",
        amount=94_560,
        currency="CNY",
        card_number=who.card_number,
        name=who.name,
        initiator="merchant",
    )
    assert masked(request) == {
        "order_no": "loan:1:bill:3",
        "amount": 94_560,
        "currency": "CNY",
        "card_number": f"****{who.card_number[-4:]}",
        "name": "****",
        "initiator": "merchant",
    }


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    book = Book(tmp_path / "book.sqlite3")

    def accept(message_id: str) -> None:
        book.insert(
            "messages",
            {
                "message_id": message_id,
                "fingerprint": "",
                "channel": "sms",
                "template": "t",
                "title": "",
                "mobile": "",
                "accepted_at": "",
            },
        )

    def accept_and_fail() -> None:
        with book.transaction():
            accept("message:1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        accept_and_fail()
    with book.transaction():
        accept("message:2")
    assert [row["message_id"] for row in book.all("SELECT * FROM messages")] == ["message:2"]
    book.close()


def test_settings_come_from_the_environment() -> None:
    assert SandboxConfig.from_environment({}) == SandboxConfig()
    config = SandboxConfig.from_environment(
        {
            "LOANFLOW_SANDBOX_PORT": "9001",
            "LOANFLOW_SANDBOX_DB": "book.sqlite3",
            "LOANFLOW_PROVIDERS__API_KEY": "k",
            "LOANFLOW_PROVIDERS__SIGNING_SECRET": "hush",
        }
    )
    assert (config.port, config.database, config.api_key) == (9001, Path("book.sqlite3"), "k")
    assert "hush" not in repr(config)
    with pytest.raises(ValueError, match="invalid literal"):
        SandboxConfig.from_environment({"LOANFLOW_SANDBOX_PORT": "many"})
