"""Whatever QI Tech answers or sends: an error, or one of its words; never a pass by chance."""

import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.credit_analysis_policy import AnalysisStatus
from providers.errors import ProviderRejected, ProviderUnavailable
from providers.qitech import Opinion, QiTechNotice, opinion_in
from providers.transport import RawAnswer, raise_if_unavailable

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


@settings(max_examples=2500, deadline=None)
@given(st.integers(200, 599), contents)
def test_an_answer_is_a_word_of_theirs_or_an_error(status: int, content: bytes) -> None:
    raw = RawAnswer(status, content)
    opinion: Opinion | None = None
    with suppress(ProviderUnavailable, ProviderRejected):
        raise_if_unavailable("qitech", raw)
        opinion = opinion_in(raw)
    if opinion is not None:
        assert 200 <= status < 300
        assert opinion.raw_status == word_in(content)
        assert (opinion.status in APPROVALS) == (opinion.raw_status in APPROVALS)


@settings(max_examples=1500, deadline=None)
@given(contents)
def test_a_notice_is_read_or_refused(content: bytes) -> None:
    notice: QiTechNotice | None = None
    with suppress(ValidationError):
        notice = QiTechNotice.model_validate_json(content)
    if notice is not None:
        assert notice.analysis_status == word_in(content)
        assert notice.event_date.tzinfo is not None
        assert len(notice.event_key) <= 64
