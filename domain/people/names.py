"""People's names: what can be one, and the form in which two spellings of one name are equal."""

import re
import unicodedata
from typing import Final

_LONGEST: Final = 50
_INTERPUNCTS: Final = str.maketrans(dict.fromkeys("•‧・･⋅", "·"))
_AROUND_INTERPUNCT: Final = re.compile(r"\s*·\s*")
_SPACES: Final = re.compile(r"\s+")
_APOSTROPHES: Final = str.maketrans({"’": "'"})
_BETWEEN_LETTERS: Final = frozenset(" -'·")


def normal_name(text: str) -> str:
    """Return a name in the form in which names are compared, whoever wrote it.

    The parts of many Chinese names stand on both sides of an interpunct (U+00B7). Keyboards and
    text recognition put a bullet, a hyphenation point, a katakana dot or a dot operator there.
    """
    plain = unicodedata.normalize("NFC", text).translate(_INTERPUNCTS).translate(_APOSTROPHES)
    return _SPACES.sub(" ", _AROUND_INTERPUNCT.sub("·", plain)).strip()


def person_name(text: str) -> str:
    """Return a person's name in its normal form, or raise ValueError.

    Letters of any script; between them single spaces, hyphens, apostrophes and interpuncts.
    """
    name = normal_name(text)
    kinds = [unicodedata.category(character)[0] for character in name]
    if sum(kind == "L" for kind in kinds) < 2 or len(name) > _LONGEST:
        raise ValueError("a name has 2 to 50 letters")
    for place, (character, kind) in enumerate(zip(name, kinds, strict=True)):
        # A mark (M) belongs to the letter before it.
        if kind == "L" or (kind == "M" and place):
            continue
        inside = 0 < place < len(name) - 1 and kinds[place - 1] in "LM" and kinds[place + 1] == "L"
        if character not in _BETWEEN_LETTERS or not inside:
            raise ValueError("a name has letters, and a space, hyphen, apostrophe or · between two")
    return name
