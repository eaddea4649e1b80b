"""What every third party may change without telling us, and what then becomes of its answer.

The rule (`providers.http.wire`): a field more is ignored, a reason that we do not know is kept, a
state that we do not know is not final, and what is no answer is asked for again. `ASKED_AGAIN` is
`ProviderUnavailable`: the gateway tries the next source, the process tries again, and after an hour
a person is called (`workflows.common.calling`).
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
from pydantic import BaseModel

from providers.http.requests import ProviderRequest
from providers.http.verdict import Verdict, VerificationResponse
from providers.http.wire import UNREADABLE, UNSPECIFIED, read_code
from providers.verification.data_import import Report, ReportStatus
from providers.verification.factors import BankCardRequest, OperatorRequest, RealNameRequest
from providers.verification.identity_card import CardReadRequest
from providers.verification.liveness import CompareRequest, LivenessRequest
from tests.integration import source_answers
from tests.integration.source_answers import CARD, REQUESTS, TWO, WHO

ASKED_AGAIN: Final = None

_MATCH: Final[dict[str, Any]] = {"verdict": "match", "reasons": []}
_OTHERS: Final[dict[tuple[str, str], tuple[ProviderRequest[Any], dict[str, Any]]]] = {
    ("real_name", "verify"): (RealNameRequest(**TWO), _MATCH),
    ("operator", "verify"): (OperatorRequest(**WHO), _MATCH),
    ("bank_card", "verify"): (
        BankCardRequest(**WHO, card_number=CARD),
        _MATCH | {"bank_code": "DEMO", "bank_name": "演示银行", "card_type": "debit"},
    ),
    ("identity_card", "read"): (
        CardReadRequest(front=b"front", back=b"back"),
        _MATCH
        | {
            "fields": {
                "name": "云生雨",
                "identity_number": "110105194912310021",
                "sex": "female",
                "birth_date": "1949-12-31",
                "address": "somewhere",
                "issuer": "somebody",
                "valid_from": "2020-01-01",
                "valid_until": None,
            },
            "scores": {"name": 0.9},
            "models": {"reader": "1"},
        },
    ),
    ("liveness", "check"): (
        LivenessRequest(frames=[b"frame"], actions=["blink"]),
        _MATCH | {"score": 1, "scores": {"blink": 0.9}, "models": {"passive": "2"}},
    ),
    ("liveness", "compare"): (
        CompareRequest(face=b"face", identity_number="1" * 18),
        _MATCH | {"similarity": 1, "threshold": 0.8},
    ),
}
RIGHT: Final = {**source_answers.RIGHT, **{name: right for name, (_, right) in _OTHERS.items()}}
OPERATIONS: Final = sorted(RIGHT)


async def answered(operation: tuple[str, str], content: bytes) -> BaseModel | None:
    request = _OTHERS[operation][0] if operation in _OTHERS else REQUESTS[operation]
    return await source_answers.answered(operation, content, request)


every_operation = pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda operation: "-".join(operation)
)
verifying = pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS if "verdict" in RIGHT[operation]],
    ids=lambda operation: "-".join(operation),
)
importing = pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS if operation[1] == "report"],
    ids=lambda operation: "-".join(operation),
)


async def said(operation: tuple[str, str], content: object) -> BaseModel | None:
    return await answered(operation, json.dumps(content, ensure_ascii=False).encode())


def with_fields_more(value: Any) -> Any:
    """The same answer with a field more in every object of it; scores and models are lists of
    what they name."""
    if isinstance(value, Mapping):
        inner = {
            name: one if name in ("scores", "models") else with_fields_more(one)
            for name, one in value.items()
        }
        return inner | {"trace_id": "7f3a", "ext": {"a": [1, None]}}
    return [with_fields_more(one) for one in value] if isinstance(value, list) else value


def with_numbers_as_text(value: Any) -> Any:
    """The same answer in which every number is a text."""
    if isinstance(value, Mapping):
        return {name: with_numbers_as_text(one) for name, one in value.items()}
    if isinstance(value, list):
        return [with_numbers_as_text(one) for one in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@every_operation
async def test_fields_more_change_nothing(operation: tuple[str, str]) -> None:
    right = await said(operation, RIGHT[operation])
    assert right is not None
    assert await said(operation, with_fields_more(RIGHT[operation])) == right


@every_operation
async def test_a_number_may_come_as_text(operation: tuple[str, str]) -> None:
    right = await said(operation, RIGHT[operation])
    assert await said(operation, with_numbers_as_text(RIGHT[operation])) == right


@every_operation
@pytest.mark.parametrize("nothing", [None, "", "  "])
async def test_a_blank_for_what_is_optional_is_as_good_as_nothing(
    operation: tuple[str, str], nothing: str | None
) -> None:
    right = await said(operation, RIGHT[operation])
    assert right is not None
    missing = [
        name
        for name, field in type(right).model_fields.items()
        if not field.is_required() and name not in RIGHT[operation]
    ]
    assert await said(operation, RIGHT[operation] | dict.fromkeys(missing, nothing)) == right


@every_operation
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"ok"',
        b"<html><body>502 Bad Gateway</body></html>",
        b"[" * 100_000,
        b'{"verdict":"match"' + b" " * (5 * 1024 * 1024) + b"}",
    ],
    ids=["empty", "null", "list", "object", "text", "html", "deep", "huge"],
)
async def test_what_is_no_answer_is_asked_for_again(
    operation: tuple[str, str], content: bytes
) -> None:
    assert await answered(operation, content) is ASKED_AGAIN


@every_operation
async def test_what_is_needed_and_missing_is_asked_for_again(operation: tuple[str, str]) -> None:
    right = await said(operation, RIGHT[operation])
    assert right is not None
    needed = [name for name, field in type(right).model_fields.items() if field.is_required()]
    needed += getattr(type(right), "given_with_match", ())
    for name in set(needed) & set(RIGHT[operation]):
        rest = {field: value for field, value in RIGHT[operation].items() if field != name}
        assert await said(operation, rest) is ASKED_AGAIN, name


@verifying
@pytest.mark.parametrize("verdict", ["pass", "MATCH", "partial_match", "", None, 1, True])
async def test_a_verdict_that_is_none_of_the_three_is_asked_for_again(
    operation: tuple[str, str], verdict: object
) -> None:
    assert await said(operation, RIGHT[operation] | {"verdict": verdict}) is ASKED_AGAIN


@verifying
@pytest.mark.parametrize("verdict", ["mismatch", "unavailable"])
@pytest.mark.parametrize(
    ("reasons", "kept"),
    [
        (["quota_of_the_registry"], ("quota_of_the_registry",)),
        (["E51", 7], ("E51", "7")),
        ("DO_NOT_HONOR", ("DO_NOT_HONOR",)),
        (["晴方好 is not known here"], (UNREADABLE,)),
        (["230100198501019004"], (UNREADABLE,)),
        ([], (UNSPECIFIED,)),
        (None, (UNSPECIFIED,)),
        ([None, ""], (UNSPECIFIED,)),
    ],
    ids=str,
)
async def test_a_reason_that_we_do_not_know_is_kept_and_a_person_s_data_is_not(
    operation: tuple[str, str], verdict: str, reasons: object, kept: tuple[str, ...]
) -> None:
    answer = await said(operation, RIGHT[operation] | {"verdict": verdict, "reasons": reasons})
    assert isinstance(answer, VerificationResponse)
    assert (answer.verdict, answer.reasons) == (Verdict(verdict), kept)
    for name in type(answer).given_with_match:
        assert getattr(answer, name) is None, "what comes with a match is not looked at without"


@importing
@pytest.mark.parametrize("status", ["queued", "DONE", "", None, 3])
async def test_an_import_in_a_state_that_we_do_not_know_is_not_at_its_end(
    operation: tuple[str, str], status: object
) -> None:
    answer = await said(operation, RIGHT[operation] | {"status": status})
    assert isinstance(answer, Report)
    assert (answer.status, answer.facts) == (ReportStatus.PENDING, None)


@importing
@pytest.mark.parametrize(
    ("reason", "kept"),
    [("user_gone", "user_gone"), (17, "17"), (None, UNSPECIFIED), (" ", UNSPECIFIED)],
)
async def test_an_import_that_failed_has_failed_whatever_the_reason(
    operation: tuple[str, str], reason: object, kept: str
) -> None:
    answer = await said(operation, RIGHT[operation] | {"status": "failed", "reason": reason})
    assert isinstance(answer, Report)
    assert (answer.status, answer.reason, answer.facts) == (ReportStatus.FAILED, kept, None)


@pytest.mark.parametrize(
    ("operation", "change"),
    [
        # An order on its way, a bank, a carrier, a label, a group that did not exist before.
        (("ecommerce", "report"), {"orders": [{"status": "shipped"}]}),
        (("operator_report", "report"), {"basics": {"carrier": "satellite"}}),
        (("operator_report", "report"), {"calls": [{"label": "crypto", "number": "withheld"}]}),
        (("online_banking", "report"), {"cards": [{"bank_code": "0102"}]}),
        (("bank_flows", "report"), {"lines": [{"category": "crypto"}]}),
        (("bureau_report", "report"), {"accounts": [{"kind": "pawn", "status": "frozen"}]}),
        (("bureau_report", "report"), {"enquiries": [{"reason": "curiosity"}]}),
        (("person", "check"), {"status": "under_review"}),
        (("company", "check"), {"status": "in_liquidation"}),
        (("company", "check"), {"adverse": [{"kind": "esg_list", "latest_on": ""}]}),
        (("company", "check"), {"constituted_on": "20120301"}),
        (("blacklist", "check"), {"categories": ["sanctions"]}),
        (("card_binding", "send_code"), {"card_type": "prepaid"}),
        (("card_binding", "send_code"), {"delivery": "queued"}),
        (("credit_card", "verify"), {"bank_code": 102}),
        (("liveness", "check"), {"scores": {"trace": "x", "depth": None, "glare": 7}}),
        (("identity_card", "read"), {"models": {"reader": 3, "more": {"a": 1}}}),
        (("bank_card", "verify"), {"card_type": "prepaid"}),
        (("card_binding", "banks"), {"banks": [{"daily_limit": 0}]}),
    ],
    ids=str,
)
async def test_a_word_of_a_list_that_has_grown_is_taken(
    operation: tuple[str, str], change: dict[str, Any]
) -> None:
    content = json.loads(json.dumps(RIGHT[operation]))
    place = content.get("document", content)
    for name, value in change.items():
        if isinstance(value, list) and isinstance(value[0], dict):
            place[name] = [place[name][0] | value[0], *place[name][1:]]
        elif isinstance(value, dict):
            place[name] |= value
        else:
            place[name] = value
    assert await said(operation, content) is not None


@pytest.mark.parametrize("day", [20_120_301.5, 1_330_560_000, "1330560000", True, "1 March 2012"])
async def test_a_day_is_never_guessed(day: object) -> None:
    """Seconds since 1970 would be taken for a day of that year."""
    assert await said(
        ("company", "check"), RIGHT["company", "check"] | {"constituted_on": day}
    ) in (ASKED_AGAIN,)


@pytest.mark.parametrize("flag", ["no", "yes", 0, 1, "", "N"])
async def test_a_truth_value_is_never_guessed(flag: object) -> None:
    content = RIGHT["bureau", "score"] | {"blacklisted": flag}
    assert await said(("bureau", "score"), content) is ASKED_AGAIN


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("insufficient_funds", "insufficient_funds"),
        (" do not honor ", "do not honor"),
        ("05", "05"),
        (5, "5"),
        ("R/01-a.b:c", "R/01-a.b:c"),
        ("", None),
        (None, None),
        ("  ", None),
        ("余额不足", UNREADABLE),
        ("6222020200112230", UNREADABLE),
        ("call 13800138000", UNREADABLE),
        ("x" * 65, UNREADABLE),
        ({"code": 5}, UNREADABLE),
        (True, UNREADABLE),
    ],
)
def test_a_code_is_kept_as_it_is_unless_it_is_none(value: object, code: str | None) -> None:
    assert read_code(value) == code
