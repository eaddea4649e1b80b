"""Simplified forms of characters that the recogniser answers in their traditional form."""

from functools import cache
from typing import Final

from vision.packages import package_file

_UNCHANGED: Final = frozenset("昇甯陞堃喆淼邨迺氾澂祕")
"""Restored for names by the Table of General Standard Chinese Characters (2013): a card may really
say so."""


def simplified(text: str) -> str:
    """Replace characters outside the simplified set that have a simplified form."""
    return "".join(_one(character) for character in text)


def _one(character: str) -> str:
    if character.isascii() or character in _UNCHANGED:
        return character
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return _table().get(character, character)
    return character


@cache
def _table() -> dict[str, str]:
    """Return OpenCC's table, the first of several forms."""
    file = package_file("opencc", "dictionary/TSCharacters.txt")
    entries = (line.split("\t") for line in file.read_text("utf-8").splitlines() if line)
    return {entry[0]: entry[1].split(" ")[0] for entry in entries if len(entry) == 2}
