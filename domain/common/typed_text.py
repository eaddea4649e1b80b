"""What people type and paste, made plain: one rule for every such field, and nobody's own.

Telephones put marks of writing direction around a number, input methods write full-width digits,
web pages bring spaces that do not break. None of it is meant, and none of it can be seen. `visible`
is the rule; the other functions say what a kind of field leaves out besides.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Final

from pydantic import BeforeValidator, StringConstraints, TypeAdapter, ValidationError

# What these stand for is not the same text: a footnote's number, a half, a Roman twelve.
_OTHER_TEXT: Final = frozenset(("<super>", "<sub>", "<fraction>", "<circle>", "<square>"))
# Dashes by use that are of other categories than dashes (Pd).
_DASHES: Final = frozenset("−⁃˗➖⁻₋")
# Blank to the eye, but neither spaces (Z) nor ignorable by the standard's list.
_BLANK: Final = frozenset("\u2800\ufffc")
_NUMBER_OF_PERSON: Final = re.compile(r"\d[\d -]{9,}[\dXx]")
_QUOTES: Final = frozenset("'\"`´<>")
# A long vowel of katakana is a dash to whoever looks for one, and a letter of some names.
_SEPARATORS: Final = frozenset("._/ー")


_KNOWN: Final = 8192


class _Property:
    """A property of characters of the Unicode standard, as pydantic's regular expressions know it.

    Python's own tables lack properties, and are older than some ideographs in use.
    """

    def __init__(self, name: str) -> None:
        self._text = TypeAdapter(Annotated[str, StringConstraints(pattern=rf"^\p{{{name}}}$")])

    def holds(self, character: str) -> bool:
        """Say whether a character has the property."""
        try:
            self._text.validate_python(character)
        except ValidationError:
            return False
        return True


_IDEOGRAPH: Final = _Property("Unified_Ideograph")
_IGNORABLE: Final = _Property("Default_Ignorable_Code_Point")


@lru_cache(maxsize=_KNOWN)
def is_ideograph(character: str) -> bool:
    """Say whether a character is a Chinese one: the property Unified_Ideograph, and 〇."""
    return character == "〇" or (character > "\u2fff" and _IDEOGRAPH.holds(character))


@lru_cache(maxsize=_KNOWN)
def _plain(character: str) -> str:
    """Return what a character is meant as: nothing, a space, a hyphen, or its usual form."""
    if character in _BLANK or character.isspace():
        return " "
    category = unicodedata.category(character)
    if category == "Cf" or (category in ("Lo", "Mn", "Cn") and _IGNORABLE.holds(character)):
        return ""
    if category == "Pd" or character in _DASHES:
        return "-"
    if category[0] == "Z":
        return " "
    return _usual(character, category)


def _usual(character: str, category: str) -> str:
    """Return the usual form (NFKC) of a full-width, small, styled or joined character."""
    tag = unicodedata.decomposition(character).partition(" ")[0]
    if not tag.startswith("<") or tag in _OTHER_TEXT:
        return character
    usual = unicodedata.normalize("NFKC", character)
    if tag == "<compat>" and category[0] != "L" and not is_ideograph(usual):
        return character
    return "".join(map(_plain, usual))


def visible(text: str) -> str:
    """Return a text as it is meant: no invisible characters, plain spaces and hyphens.

    Full-width, small and styled letters and digits become usual ones (NFKC), letters with accents
    single characters (NFC). Runs of spaces become one, those around the text go. A control
    character that is no space stays, for whoever checks the text to refuse.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    plain = "".join(map(_plain, unicodedata.normalize("NFC", text)))
    return " ".join(unicodedata.normalize("NFC", plain).split())


def free_text(text: str) -> str:
    """Return an address, or a name as a register has it, without what cannot be seen.

    Its letters stay as they are: a company may be registered with full-width brackets.
    """
    kept = []
    for character in unicodedata.normalize("NFC", text):
        plain = _plain(character)
        kept.append(plain if plain in ("", " ") else character)
    return " ".join("".join(kept).split())


def packed(text: str) -> str:
    """Return a number without what people write between its digits, in capital letters.

    Spaces, hyphens, points, slashes, brackets and quotation marks go, wherever they stand.
    """
    return "".join(character for character in visible(text) if not _is_between(character)).upper()


@lru_cache(maxsize=_KNOWN)
def _is_between(character: str) -> bool:
    if character in _SEPARATORS or character in _QUOTES or character in " -":
        return True
    return unicodedata.category(character) in ("Ps", "Pe", "Pi", "Pf")


def telephone(text: str) -> str:
    """Return a telephone number of any kind, as it is dialled: an extension's hyphen stays."""
    kept = "".join(one for one in visible(text) if one in " -" or not _is_between(one))
    return " ".join(kept.split()).strip(" -")


def email(text: str) -> str:
    """Return an e-mail address without the brackets and the `mailto:` of a pasted link.

    A Chinese full stop is a point, as in names of hosts (UTS 46).
    """
    plain = visible(text).translate(_POINTS).strip("<>\"' ")
    start = "mailto:"
    return plain[len(start) :] if plain.lower().startswith(start) else plain


_POINTS: Final[Mapping[int, str]] = {ord("。"): ".", ord("｡"): "."}


def holds_number_of_person(text: str) -> bool:
    """Say whether a text has what could be an identity, card or mobile number in it."""
    return _NUMBER_OF_PERSON.search(visible(text)) is not None


def cleaned(rule: Callable[[str], str]) -> BeforeValidator:
    """Return the validator that applies a rule before a field's own form is asked for."""
    return BeforeValidator(lambda given: rule(given) if isinstance(given, str) else given)


Typed = Annotated[str, cleaned(free_text)]
"""Text that somebody typed, for a form behind it: `Annotated[Typed, Field(max_length=100)]`."""
