"""Names in their normal form: the standard interpunct, whoever wrote the name."""

import pytest

from domain.common.typed_text import is_ideograph
from domain.people.names import normal_name, person_name

STANDARD = "阿迪力·买买提"

# Each is in Unicode's table of confusable characters for U+00B7, or is a bullet that keyboards and
# text recognition offer: U+2022, U+2027, U+30FB, U+FF65, U+22C5, U+2219, U+25CF, U+318D, ...
DOTS = "•‧・･⋅∙●○◦⚫⬤⸱⸳⸰⦁᛫𐄁ᐧꞏㆍᆞ\u0387⋄▪˙"

# Only between two Chinese characters: the full stops of keyboards, wide, small and half-width.
STOPS = ".．﹒。｡․"


@pytest.mark.parametrize("point", ["·", "•", "‧", "・", "･", "⋅", " · ", "\u00b7 "])
def test_every_spelling_of_the_interpunct_becomes_the_standard_one(point: str) -> None:
    written = f"阿迪力{point}买买提"
    assert person_name(written) == normal_name(written) == STANDARD


@pytest.mark.parametrize("dot", [*DOTS, *STOPS])
def test_every_dot_that_looks_like_it_becomes_the_interpunct(dot: str) -> None:
    for written in (f"阿迪力{dot}买买提", f"阿迪力 {dot} 买买提", f"阿迪力\u200b{dot}\ufeff买买提"):
        assert person_name(written) == normal_name(written) == STANDARD


@pytest.mark.parametrize("stop", STOPS)
def test_a_full_stop_is_none_where_it_may_end_an_initial(stop: str) -> None:
    assert person_name(f"约翰{stop}F{stop}肯尼迪") == "约翰·F·肯尼迪"
    with pytest.raises(ValueError, match="a name has"):
        person_name(f"John F{stop} Kennedy")


@pytest.mark.parametrize(
    "ideograph",
    # The first of each block that has unified ideographs, by Unicode 16: A to I, and U+FA0E.
    "㐀一𠀀𪜀𫝀𫠠𬺰𮯰𰀀𱍐﨎〇",
)
def test_an_ideograph_is_what_the_standard_calls_so(ideograph: str) -> None:
    assert is_ideograph(ideograph)
    assert person_name(f"张{ideograph}") == f"张{ideograph}"
    assert person_name(f"张{ideograph}.伟") == f"张{ideograph}·伟"


@pytest.mark.parametrize("sign", ["ㄅ", "𗀀", "々", "가", "あ", "€", "\U000e0100", "\ue000"])
def test_other_signs_of_the_east_are_no_ideographs(sign: str) -> None:
    assert not is_ideograph(sign)


def test_a_space_in_a_chinese_name_says_nothing() -> None:
    for padded in ("张 伟", "张\u3000伟", " 张\u00a0伟 "):
        assert person_name(padded) == "张伟"
    assert person_name("欧 阳 娜 娜") == "欧阳娜娜"


def test_radicals_and_compatibility_forms_are_the_ideographs_that_they_show() -> None:
    assert person_name("\u2f24伟") == person_name("大伟")
    assert person_name("\uf9d1明") == "六明"


@pytest.mark.parametrize(
    "name",
    [
        "张伟",
        "欧阳娜娜",
        "Anna-Maria O'Neill",
        "José da Silva",
        "Ольга Ким",
        "अनिता",
        "O\u2019Brien Sean",
        "\U00020bb7\U000215d7",  # letters outside the basic plane are in names too
        "古" * 50,
    ],
)
def test_letters_of_any_script_are_a_name(name: str) -> None:
    assert person_name(f" {name} ") == name.replace("\u2019", "'")


def test_letters_written_in_two_parts_are_one() -> None:
    assert person_name("Jose\u0301 Silva") == "José Silva"
    assert person_name("Ana   Lima") == "Ana Lima"


@pytest.mark.parametrize(
    "name",
    [
        "123 456",
        "___",
        "1_2",
        "张伟1",
        "张_伟",
        "张",
        "",
        "··",
        "·张伟",
        "张伟-",
        "张--伟",
        "张·-伟",
        "A.B. Silva",
        "张\n伟;",
        "\u0301张伟",
        "<b>张伟",
        "古" * 51,
        "٣٤٥",
        "Ⅻ Ⅴ",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name has"):
        person_name(name)
