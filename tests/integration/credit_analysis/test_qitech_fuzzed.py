"""Whatever QI Tech answers or sends: an error, or one of its words; never a pass by chance."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.proposal import ProposalStatus
from messages.ids import new_id
from providers.credit_analysis.qitech import (
    ExternalAssessment,
    QiTechClient,
    QiTechNotice,
    assessment_in,
)
from providers.http.errors import ProviderError, ProviderRejected, ProviderUnavailable
from providers.http.transport import RawResponse, open_pool, raise_if_unavailable
from sandbox import qitech
from tests.proposals import PERSONAL, legal_person
from tests.simulators import Simulators

Result = TypeVar("Result")

PAID_ON: Final = datetime(2026, 11, 5, 13, 0, tzinfo=UTC)
DOCUMENT: Final = json.dumps(legal_person())
LEGAL: Final = PersonKind.LEGAL
APPROVALS = {AnalysisStatus.AUTOMATICALLY_APPROVED, AnalysisStatus.MANUALLY_APPROVED}
WORDS = [status.value for status in AnalysisStatus] + ["automatically_challenge", "approved", ""]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
answers = st.fixed_dictionaries(
    {},
    optional={
        "id": values,
        "analysis_status": st.sampled_from(WORDS) | values,
        "reason": values,
        "event_date": st.sampled_from(
            ["2026-11-21T10:00:00Z", "2026-11-21", "0001-01-01T00:00:00+14:00", 0, 10**18]
        )
        | values,
        "legal_person_id": st.sampled_from(["opi_1", "x" * 65]) | values,
    },
)
contents = st.binary(max_size=64) | st.builds(
    lambda value: json.dumps(value).encode(), values | answers
)


def word_in(content: bytes) -> Any:
    """The status that a reader without our code finds."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found.get("analysis_status") if isinstance(found, dict) else None


@given(st.integers(200, 599), contents)
def test_an_answer_is_a_word_of_theirs_or_an_error(status: int, content: bytes) -> None:
    raw = RawResponse(status, content)
    assessment: ExternalAssessment | None = None
    with suppress(ProviderUnavailable, ProviderRejected):
        raise_if_unavailable("qitech", raw)
        assessment = assessment_in(raw)
    if assessment is not None:
        assert 200 <= status < 300
        assert assessment.raw_status == word_in(content)
        assert (assessment.status in APPROVALS) == (assessment.raw_status in APPROVALS)


@given(contents)
def test_a_notice_is_read_or_refused(content: bytes) -> None:
    notice: QiTechNotice | None = None
    with suppress(ValidationError):
        notice = QiTechNotice.model_validate_json(content)
    if notice is not None:
        assert notice.analysis_status == word_in(content)
        assert notice.event_date.tzinfo is not None
        assert len(notice.event_key) <= 64


failures = st.sampled_from(
    [httpx.ConnectError, httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError]
)
statuses = st.sampled_from([200] * 6 + [201, 202, 204, 302, 400, 401, 404, 408, 409, 409, 429, 500])
lines = st.lists(st.tuples(statuses, contents) | failures, min_size=3, max_size=3)


class Line:
    """A client whose calls are answered, or fail, one after the other as it is told."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._next: list[Any] = []
        self._http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        self.client = QiTechClient(
            self._http, "https://qi.test/credit_analysis", SecretStr("k"), 5.0
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        told = self._next.pop(0)
        if isinstance(told, tuple):
            return httpx.Response(told[0], content=told[1])
        raise told("line", request=request)

    def run(self, call: Coroutine[Any, Any, Result], told: list[Any]) -> Result | ProviderError:
        """Return what the client makes of it; an error of the provider is returned as well."""
        self._next = list(told)

        async def made() -> Result | ProviderError:
            try:
                return await call
            except ProviderError as error:
                return error

        return self._runner.run(made())

    def close(self) -> None:
        self._runner.run(self._http.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    opened = Line()
    yield opened
    opened.close()


@given(lines)
def test_no_line_of_answers_breaks_the_client_or_is_taken_for_a_pass(
    line: Line, told: list[Any]
) -> None:
    bodies = [answer[1] for answer in told if isinstance(answer, tuple) and answer[0] < 300]
    said = {word for body in bodies if isinstance(word := word_in(body), str)}
    assessment_id = new_id("opi")
    for call in (
        line.client.analyse(LEGAL, assessment_id, DOCUMENT),
        line.client.read(LEGAL, assessment_id),
    ):
        result = line.run(call, told)
        if isinstance(result, ExternalAssessment):
            assert result.raw_status in said
            assert (result.status in APPROVALS) == (result.raw_status in APPROVALS)
        else:
            assert result is None or isinstance(result, ProviderError)
            assert not any(text in str(result) for text in PERSONAL)
    fed_back = line.run(
        line.client.feed_back(LEGAL, assessment_id, ProposalStatus.PAID, PAID_ON), told
    )
    first = told[0]
    taken = isinstance(first, tuple) and 200 <= first[0] < 300
    assert (fed_back is None) == taken
    assert fed_back is None or isinstance(fed_back, ProviderError)


endings: st.SearchStrategy[dict[str, Any]] = (
    st.just({"reset": True})
    | st.fixed_dictionaries(
        {"status": st.sampled_from([400, 401, 404, 408, 409, 422, 429, 500, 503])},
        optional={"lose_response": st.booleans()},
    )
    | st.just({"lose_response": True})
    | st.sampled_from(["not_json", "wrong_shape", "empty", "huge"]).map(
        lambda garbage: {"garbage": garbage}
    )
)
faults = st.builds(
    lambda operation, times, ending: {"operation": operation, "times": times, **ending},
    st.sampled_from(["create", "read", "feedback"]),
    st.none() | st.integers(1, 2),
    endings,
)
# The one that is approved by itself would be approved in truth.
courses = st.sampled_from([course.key for course in qitech.COURSES if not course.by_itself])


@pytest.mark.hypothesis
async def test_no_faults_on_a_real_line_break_the_client_or_make_a_pass(
    simulators: Simulators,
) -> None:
    """Hypothesis runs in a thread of its own: its examples are sent by the loop of this test."""
    loop = asyncio.get_running_loop()
    async with open_pool(1.0) as http:
        client = QiTechClient(
            http, f"{simulators.url}/credit_analysis", SecretStr(simulators.config.api_key), 1.0
        )

        # An example takes the time of a line: some of them wait for an answer that never comes.
        @settings(
            max_examples=settings().max_examples // 5, suppress_health_check=[HealthCheck.too_slow]
        )
        @given(st.lists(faults, min_size=1, max_size=3), courses)
        def fuzz(programmed: list[dict[str, Any]], course: str) -> None:
            lived = _lived(simulators, client, programmed, course)
            for result in asyncio.run_coroutine_threadsafe(lived, loop).result(60):
                if isinstance(result, ExternalAssessment):
                    assert result.status not in APPROVALS
                else:
                    assert result is None or isinstance(result, ProviderError), result

        await asyncio.to_thread(fuzz)


async def _lived(
    simulators: Simulators, client: QiTechClient, programmed: list[dict[str, Any]], course: str
) -> list[Any]:
    """Return what came of an analysis that is never approved, with faults on its way."""
    for fault in programmed:
        await simulators.fault("qitech", **fault)
    given = json.dumps(legal_person(document_number=qitech.cnpj(course), scr_parameters=None))
    assessment_id = new_id("opi")
    results: list[Any] = []
    for call in (
        client.analyse(LEGAL, assessment_id, given),
        client.feed_back(LEGAL, assessment_id, ProposalStatus.PAID, PAID_ON),
    ):
        results += await asyncio.gather(call, return_exceptions=True)
    await simulators.repair()
    # Whatever went wrong before: asked again it is what it is.
    results.append(await client.analyse(LEGAL, assessment_id, given))
    return results
