"""The rules without a model: numbers, text to fields, movements, signatures, settings."""

from datetime import date, timedelta

import numpy as np
import pytest

from providers.http.signature import sign
from runtime.clock import utc_now
from sandbox.personas import PERSONAS, person
from vision.card_rules import birth_date_of, is_right, numbers_in, sex_of
from vision.card_sides import read_back, read_front
from vision.config import VisionConfig
from vision.landmarks import Face
from vision.liveness import Frame, assess
from vision.signature import fault_of
from vision.simplified import simplified
from vision.text_reader import Line

# The examples of GB 11643-1999, section 4.
CARD_WOMAN, CARD_MAN = "11010519491231002X", "440524188001010014"


def test_the_examples_of_the_standard_are_right() -> None:
    assert is_right(CARD_WOMAN)
    assert is_right(CARD_MAN)
    assert (birth_date_of(CARD_WOMAN), sex_of(CARD_WOMAN)) == (date(1949, 12, 31), "female")
    assert (birth_date_of(CARD_MAN), sex_of(CARD_MAN)) == (date(1880, 1, 1), "male")


@pytest.mark.parametrize("key", [persona.key for persona in PERSONAS])
def test_fictional_people_have_right_numbers(key: str) -> None:
    who = person(key)
    assert is_right(who.identity_number)
    assert birth_date_of(who.identity_number) == who.birth_date
    assert sex_of(who.identity_number) == who.sex


def test_no_single_wrong_digit_passes() -> None:
    for place in range(17):
        for digit in "0123456789":
            changed = CARD_WOMAN[:place] + digit + CARD_WOMAN[place + 1 :]
            assert is_right(changed) == (changed == CARD_WOMAN)


def test_a_number_is_found_only_whole_and_right() -> None:
    assert numbers_in(f"公民身份号码 {CARD_WOMAN[:6]} {CARD_WOMAN[6:].lower()}") == [CARD_WOMAN]
    assert numbers_in("公民身份号码110105194912310021") == []
    assert numbers_in("1" + CARD_WOMAN) == []
    assert numbers_in(CARD_WOMAN[:-1]) == []
    assert numbers_in("110105194913310020") == []


def lines(*texts: str) -> list[Line]:
    return [
        Line(text, 0.9, x=200, y=60.0 * at, width=300, height=40, angle=0.0)
        for at, text in enumerate(texts)
    ]


def test_the_front_is_made_out() -> None:
    front = read_front(
        lines(
            "姓名欧阳海",
            "性别女民族維吾爾",
            "出生1949年12月31日",
            "住址新疆維吾爾自治區某某",
            "路12号3单元",
            "公民身份号码" + CARD_WOMAN,
        )
    )
    assert (front.name, front.sex, front.ethnicity) == ("欧阳海", "female", "维吾尔")
    assert front.birth_date == date(1949, 12, 31)
    assert front.address == "新疆维吾尔自治区某某路12号3单元"
    assert front.numbers == (CARD_WOMAN,)
    assert (front.labels, front.other_labels) == (6, 0)


@pytest.mark.parametrize(
    ("printed", "until"),
    [("2020.01.31-2040.01.31", date(2040, 1, 31)), ("2020.01.31-长期", None)],
)
def test_the_back_is_made_out(printed: str, until: date | None) -> None:
    back = read_back(lines("居民身份证", "签发机关某市公安局", "有效期限" + printed))
    assert back.issuer == "某市公安局"
    assert (back.valid_from, back.valid_until) == (date(2020, 1, 31), until)


@pytest.mark.parametrize("printed", ["2020.13.01-2040.01.31", "2020.01.31-2019.01.31", "长期"])
def test_a_validity_that_cannot_be_is_not_read(printed: str) -> None:
    assert read_back(lines("有效期限" + printed)).valid_from is None


def test_names_keep_the_characters_that_are_theirs() -> None:
    assert simplified("漢強國") == "汉强国"
    assert simplified("毕昇乾隆陈喆") == "毕昇乾隆陈喆"


REST = Face(0.1, 0.05, 4.0, -2.0, points=(), box=(0, 0, 1, 1))
ME, STRANGER = np.zeros(128), np.full(128, 0.1)


def frame(action: str, **moved: float) -> Frame:
    values = {"blink": 0.1, "open_mouth": 0.05, "nod": 4.0, "shake": -2.0} | moved
    return Frame(action, Face(**values, points=(), box=(0, 0, 1, 1)), ME)


NEUTRAL = [frame("neutral"), frame("neutral", blink=0.12)]


@pytest.mark.parametrize(
    ("course", "reasons"),
    [
        ([frame("blink", blink=0.5)], []),
        ([frame("nod"), frame("nod", nod=-6.0), frame("nod")], []),
        ([frame("blink", blink=0.5), frame("open_mouth", open_mouth=0.4)], []),
        ([frame("blink", open_mouth=0.4)], ["wrong_action"]),
        ([frame("blink", blink=0.5), frame("shake", nod=20.0)], ["wrong_action"]),
        ([frame("blink", blink=0.4, open_mouth=0.9)], ["wrong_action"]),
        ([frame("blink"), frame("shake", shake=-2.5)], ["not_live"]),
        ([frame("blink", blink=0.0)], ["not_live"]),
        ([], ["wrong_action"]),
    ],
)
def test_movements_are_judged_against_the_face_at_rest(
    course: list[Frame], reasons: list[str]
) -> None:
    assert assess([*NEUTRAL, *course])["reasons"] == reasons


def test_an_action_by_the_same_figure_is_none_for_another_persons_rest() -> None:
    drooping = [frame("neutral", blink=0.45)]
    assert assess([*drooping, frame("blink", blink=0.5)])["reasons"] == ["wrong_action"]


def test_a_swapped_face_and_a_missing_rest_are_refused() -> None:
    swapped = Frame("blink", REST, STRANGER)
    assert assess([*NEUTRAL, frame("blink", blink=0.5), swapped])["reasons"] == ["different_person"]
    assert assess([frame("blink", blink=0.5)])["reasons"] == ["no_neutral_frame"]


def test_the_products_signature_is_the_one_expected() -> None:
    now, body = utc_now(), b'{"a":1}'
    header = sign("secret", body, now)
    assert fault_of("secret", header, body, now) is None
    assert fault_of("other", header, body, now) == "bad_signature"
    assert fault_of("secret", header, body + b" ", now) == "bad_signature"
    assert fault_of("secret", "", body, now) == "bad_signature"
    assert fault_of("secret", header, body, now + timedelta(minutes=6)) == "stale_signature"


def test_settings_come_from_the_environment() -> None:
    config = VisionConfig.from_environment(
        {"LOANFLOW_VISION_PORT": "1", "LOANFLOW_PROVIDERS__API_KEY": "key"}
    )
    assert (config.port, config.api_key, config.host) == (1, "key", "127.0.0.1")
    assert "key" not in repr(config)
    for wrong in ({"PROCESSES": "0"}, {"WAITING": "-1"}, {"JOB_SECONDS": "0"}, {"PORT": "x"}):
        with pytest.raises(ValueError):
            VisionConfig.from_environment(
                {f"LOANFLOW_VISION_{name}": value for name, value in wrong.items()}
            )


def test_labels_that_stand_twice_are_of_two_cards() -> None:
    front = ("姓名林小雨", "性别女民族汉", "公民身份号码" + CARD_WOMAN)
    assert read_front(lines(*front)).cards == 1
    assert read_front(lines(*front, *front)).cards == 2
    assert read_front(lines(*front, "公民身份号码" + CARD_MAN)).cards == 2
    assert read_front(lines(*front, "签发机关虚构市公安局", "居民身份证")).cards == 1
    back = ("中华人民共和国", "居民身份证", "签发机关虚构市公安局", "有效期限2020.01.01-长期")
    assert read_back(lines(*back)).cards == 1
    assert read_back(lines(*back, *back, *back)).cards == 3
    # An address may hold one of the words.
    assert read_front(lines(*front, "住址示例省姓名路1号")).cards == 1
