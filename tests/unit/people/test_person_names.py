"""Names in their normal form: the standard interpunct, whoever wrote the name."""

import pytest

from domain.people.names import normal_name, person_name

STANDARD = "阿迪力·买买提"


@pytest.mark.parametrize("point", ["·", "•", "‧", "・", "･", "⋅", " · ", "\u00b7 "])
def test_every_spelling_of_the_interpunct_becomes_the_standard_one(point: str) -> None:
    written = f"阿迪力{point}买买提"
    assert person_name(written) == normal_name(written) == STANDARD


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
        "张\u200b伟",
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
