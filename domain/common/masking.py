"""How personal data is shown to people who only need to recognise it."""


def masked_name(name: str) -> str:
    """Return a name with all but its first character starred."""
    return name[:1] + "*" * (len(name) - 1)


def masked_number(number: str, *, head: int, tail: int) -> str:
    """Return a number with stars between its first `head` and last `tail` characters.

    A number too short to hide anything in is starred throughout.
    """
    hidden = len(number) - head - tail
    if hidden < head + tail:
        return "*" * len(number)
    return number[:head] + "*" * hidden + number[len(number) - tail :]
