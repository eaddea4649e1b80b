"""People's names: what can be one, and the form in which two spellings of one name are equal."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import StringConstraints, TypeAdapter, ValidationError

from domain.common.typed_text import is_ideograph, visible

_LONGEST: Final = 50
_READ: Final = 500
"""So much is looked at: room for marks that nobody sees."""
INTERPUNCT: Final = "\u00b7"
"""What stands between the parts of many Chinese names (GB/T 15834-2011, 间隔号)."""

LOOK_ALIKES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        "\u0387\u2022\u2027\u2219\u22c5\u22c4\u25cf\u25cb\u25e6\u26ab\u26aa\u2b24\u2e31\u2e33\u2e30"
        "\u2981\u30fb\uff65\u16eb\U00010101\u1427\ua78f\u318d\u119e\u02d9\u0701\u2b29\u2b1e"
        "\u25aa\u25fe\u2218\U0001d16d",
        INTERPUNCT,
    ),
    **dict.fromkeys("\u2018\u2019\u201b\u02bc\u02bb\u02bd\u2032\u02b9\u02c8\uff07`\u00b4", "'"),
}
"""What keyboards and text recognition put in the place of an interpunct or an apostrophe.

Of Unicode's table of confusable characters those that look like U+00B7, and the bullets.
"""

_GAP: Final = re.compile("([^ .。\u2024])([ .。\u2024]+)(?=([^ .。\u2024]))")
"""What may stand for an interpunct beside a Chinese character: elsewhere an initial may end."""

_TABLE: Final = str.maketrans(dict(LOOK_ALIKES))
_AROUND_INTERPUNCT: Final = re.compile(rf" *{INTERPUNCT} *")

_LETTER: Final = r"(?:\p{L}|\p{Unified_Ideograph}|〇)\p{M}*"
_NAME: Final = TypeAdapter(
    Annotated[str, StringConstraints(pattern=rf"^{_LETTER}(?:[ '{INTERPUNCT}\-]?{_LETTER})*$")]
)
"""Letters of any script, by pydantic's tables: Python's lack the newer ideographs."""
_LETTERS_ENOUGH: Final = TypeAdapter(
    Annotated[str, StringConstraints(pattern=rf"{_LETTER}.?{_LETTER}")]
)


def normal_name(text: str) -> str:
    """Return a name in the form in which names are compared, whoever wrote it.

    Look-alikes become the interpunct (U+00B7) or the apostrophe, and so does a full stop between
    two parts of which one is Chinese. A space between two Chinese characters says nothing: forms
    pad short names with it.
    """
    plain = visible(text.translate(_TABLE)).translate(_TABLE)
    return _GAP.sub(_gap, _AROUND_INTERPUNCT.sub(INTERPUNCT, plain))


def _gap(found: re.Match[str]) -> str:
    before, gap, after = found.groups()
    chinese = (is_ideograph(before), is_ideograph(after))
    if gap.isspace():
        return before if all(chinese) else f"{before}{gap}"
    return before + (INTERPUNCT if any(chinese) else gap)


def person_name(text: str) -> str:
    """Return a person's name in its normal form, or raise ValueError.

    Letters of any script; between them single spaces, hyphens, apostrophes and interpuncts.
    """
    name = normal_name(text[:_READ])
    if len(text) > _READ or len(name) > _LONGEST or not _fits(_LETTERS_ENOUGH, name):
        raise ValueError("a name has 2 to 50 letters: write the whole name as on the document")
    if not _fits(_NAME, name):
        raise ValueError(
            "a name has letters, and between two of them a space, hyphen, apostrophe or ·:"
            " leave out digits, points and other signs"
        )
    return name


def _fits(form: TypeAdapter[str], text: str) -> bool:
    try:
        form.validate_python(text)
    except ValidationError:
        return False
    return True
