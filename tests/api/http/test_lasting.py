"""Which refusals pass: they are never kept under an Idempotency-Key, and say when to come back."""

import pytest
from fastapi import Request

from api.http.errors import CATALOGUE, Problem, later, problem_response

_PASSING = {
    # what time alone cures: another request or order ends, a switch is turned back, a lock runs out
    "request_in_progress": 409,
    "repayment_in_flight": 409,
    "application_pending": 409,
    "transfer_unsettled": 409,
    "suspended": 409,
    "message_not_sent": 409,
    "too_many_requests": 429,
    "element_locked": 429,
    "call_too_soon": 429,
    "view_limit_reached": 429,
    # ourselves: what is down comes back
    "overloaded": 503,
    "database_unavailable": 503,
    "unknown_policy": 503,
    "engine_unavailable": 503,
    "not_accepted_yet": 503,
}


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_code_either_passes_or_lasts(code: str) -> None:
    kind = CATALOGUE[code]
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": []})
    answer = problem_response(request, Problem(code, "refused"))
    if code in _PASSING:
        assert kind.status == _PASSING[code]
        assert not kind.is_lasting
        assert int(answer.headers["retry-after"]) >= 1
    else:
        assert "retry-after" not in answer.headers
        assert kind.status not in (429, 503), "what is answered so passes, and says when"
        assert kind.is_lasting == (kind.status in (409, 410))


def test_a_refusal_s_own_time_wins() -> None:
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": []})
    answer = problem_response(request, later("element_locked", "Locked.", 86_400))
    assert answer.headers["retry-after"] == "86400"
