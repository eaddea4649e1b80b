import io
import json
import logging as stdlib
from collections.abc import Iterator

import pytest
import structlog
from pydantic import BaseModel, ValidationError

from runtime import logging
from runtime.logging import MASK, mask, redact
from runtime.settings import Settings

# Numbers that nobody has: the identity number's and the card's check digits are wrong on purpose.
IDENTITY = "11010119900307123X"
MOBILE = "13800138000"
CARD = "6222021234567890123"


class Lines:
    def __init__(self) -> None:
        self.stdout = io.StringIO()

    def read(self) -> list[dict[str, object]]:
        logging.stop()
        return [json.loads(line) for line in self.stdout.getvalue().splitlines()]


@pytest.fixture
def lines(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    lines = Lines()
    monkeypatch.setattr("sys.stdout", lines.stdout)
    logging.configure(settings, "test")
    yield lines
    logging.stop()
    structlog.reset_defaults()


def test_a_line_is_json_with_event_level_time_and_process(lines: Lines) -> None:
    structlog.get_logger("test").info("application_submitted", application_id="app_1", attempt=2)
    (line,) = lines.read()
    assert line["event"] == "application_submitted"
    assert (line["application_id"], line["attempt"]) == ("app_1", 2)
    assert (line["level"], line["process"], line["logger"]) == ("info", "test", "test")
    assert str(line["timestamp"]).endswith("Z")


def test_the_standard_librarys_logs_come_out_the_same_way(lines: Lines) -> None:
    stdlib.getLogger("lib").warning("slow %s", "call", extra={"seconds": 3})
    (line,) = lines.read()
    assert (line["event"], line["seconds"], line["level"]) == ("slow call", 3, "warning")


def test_the_level_is_kept(lines: Lines) -> None:
    structlog.get_logger("test").debug("detail")
    stdlib.getLogger("lib").debug("detail")
    assert lines.read() == []


def test_context_is_that_of_the_caller(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        stdlib.getLogger("lib").info("inside")
        structlog.get_logger("test").info("inside")
    structlog.get_logger("test").info("outside")
    first, second, third = lines.read()
    assert first["request_id"] == second["request_id"] == "r-1"
    assert "request_id" not in third


@pytest.mark.parametrize(
    ("workflow_id", "key", "value"),
    [
        ("application:app_1", "application_id", "app_1"),
        ("collections:loa_1:2", "loan_id", "loa_1"),
        ("repayment:rep_1", "repayment_id", "rep_1"),
    ],
)
def test_the_business_id_is_read_off_the_workflow_id(
    lines: Lines, workflow_id: str, key: str, value: str
) -> None:
    extra = {"temporal_workflow": {"workflow_id": workflow_id}}
    stdlib.getLogger("temporalio.workflow").info("moved", extra=extra)
    assert lines.read()[0][key] == value


def test_a_traceback_is_masked(lines: Lines) -> None:
    class Applicant(BaseModel):
        age: int

    try:
        Applicant.model_validate({"age": "Zhang San"})
    except ValidationError:
        structlog.get_logger("test").exception("refused")
    text = json.dumps(lines.read())
    assert "ValidationError" in text
    assert "Zhang San" not in text[text.index("validation error") :]


@pytest.mark.parametrize(
    "text",
    [
        IDENTITY,
        "110101900307123",
        CARD,
        "6222 0212 3456 7890 123",
        MOBILE,
        f"+86{MOBILE}",
        "138-0013-8000",
        f"call {MOBILE}, now",
        "张三",
        "阿不都·热合曼",
        "zhang.san@example.com",
    ],
)
def test_what_looks_personal_is_masked_in_any_text(text: str) -> None:
    masked = mask(text)
    assert MASK in masked
    assert not any(character.isdigit() for character in masked)
    assert "zhang" not in masked
    assert masked.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "loa_06ayzk3v9qhxj2m8w5t0e7cb4d",
        "application:app_06ayzk3v9qhxj2m8w5t0e7cb4d",
        "2026-01-31T08:00:00.123456+00:00",
        "http://127.0.0.1:8500/real-name",
        "1000000",
        "worker-7f9c@12345@b1",
    ],
)
def test_ids_instants_and_addresses_of_machines_stay(text: str) -> None:
    assert mask(text) == text


def test_what_databases_quote_is_masked() -> None:
    refused = (
        'duplicate key "applicant_name"\nDETAIL:  Key (name, city)=(Zhang San, X) already exists.'
    )
    assert "Zhang" not in mask(refused)
    row = "DETAIL:  Failing row contains (per_1, Zhang San, null)."
    assert "Zhang" not in mask(row)


@pytest.mark.parametrize(
    "key",
    [
        "name",
        "real_name",
        "identity_number",
        "idNumber",
        "mobile",
        "cardNumber",
        "ADDRESS",
        "token",
    ],
)
def test_values_of_personal_keys_are_masked_at_any_depth(key: str) -> None:
    event = {"event": "x", "facts": [{"inner": {key: "Zhang San"}}], key: {"first": "Zhang"}}
    assert "Zhang" not in json.dumps(redact(None, "info", event))


@pytest.mark.parametrize("key", ["contact_count", "card_id", "activity_name", "token_type"])
def test_facts_about_personal_things_stay(key: str) -> None:
    assert redact(None, "info", {key: "value"}) == {key: "value"}


def test_objects_bytes_and_flags() -> None:
    class Applicant:
        def __repr__(self) -> str:
            return f"Applicant({MOBILE})"

    event = {"event": "x", "who": Applicant(), "blob": b"face", "has_name": True, "run_id": CARD}
    assert redact(None, "info", event) == {
        "event": "x",
        "who": f"Applicant({MASK})",
        "blob": MASK,
        "has_name": True,
        "run_id": CARD,
    }


def test_stopping_gives_every_logger_back_its_level(settings: Settings) -> None:
    loggers = [stdlib.getLogger(name) for name in (None, "httpx", "httpcore", "uvicorn.access")]
    before = [logger.level for logger in loggers]
    logging.configure(settings, "test")
    logging.configure(settings, "test")
    assert [logger.level for logger in loggers] != before
    logging.stop()
    structlog.reset_defaults()
    assert [logger.level for logger in loggers] == before
