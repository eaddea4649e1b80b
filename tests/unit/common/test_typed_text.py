"""Cleaning twice is cleaning once, for whatever text: what is stored is read by the same rules."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.common.typed_text import email, free_text, packed, telephone, visible
from domain.people.names import normal_name, person_name

RULES = (visible, free_text, packed, telephone, email, normal_name)

DIRT = "张伟阿.·。•-'ＡｂＣ１２３ \u00a0\u3000\u200b\u202d\ufeff\u0301\u2f24\ufb01ㆍー()（）<>\"X×"
DIRTY = st.text(st.sampled_from(DIRT) | st.characters(), max_size=30)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@given(text=DIRTY)
def test_what_is_clean_stays_as_it_is(rule: Callable[[str], str], text: str) -> None:
    once = rule(text)
    assert rule(once) == once


@given(DIRTY)
def test_a_name_that_is_taken_is_taken_again_unchanged(text: str) -> None:
    try:
        name = person_name(text)
    except ValueError:
        return
    assert person_name(name) == name == normal_name(name)


@given(DIRTY)
def test_nothing_invisible_is_left(text: str) -> None:
    for rule in RULES:
        clean = rule(text)
        assert not set(clean) & set("\u200b\u200e\u202d\u2066\ufeff\u00ad\u3164\u00a0\u3000")
        assert clean == clean.strip(" ")


@pytest.mark.alone
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("dirt", ["\u202d", ". ", "张 ", "（", "a\u0301"])
def test_the_work_grows_with_the_length_alone(rule: Callable[[str], str], dirt: str) -> None:
    """A body has at most half a megabyte of text: it must not hold the event loop."""
    started = time.process_time()
    rule(dirt * 50_000)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("示例（北京）有限公司", "示例（北京）有限公司"),
        ("Rua\u00a0Curitiba,\u2003150", "Rua Curitiba, 150"),
        ("Bl\u200b 3 \n apt", "Bl 3 apt"),
        ("½ ① Ⅻ ª", "½ ① Ⅻ ª"),
    ],
)
def test_free_text_keeps_what_can_be_seen(given: str, kept: str) -> None:
    assert free_text(given) == kept


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("ＡＢＣ１２３", "ABC123"),
        ("𝟏𝟑𝟖", "138"),
        ("Soﬁa", "Sofia"),
        ("⼤伟", "大伟"),
        ("１３８²", "138²"),  # a footnote's number is no digit of the number before it
        ("Ⅻ ½ ①", "Ⅻ ½ ①"),
        ("a\u2011b\u2013c\u2212d", "a-b-c-d"),
    ],
)
def test_what_is_meant_is_the_usual_form_and_not_another_text(given: str, meant: str) -> None:
    assert visible(given) == meant
