"""The lender's own lists: black, grey and white, by keys of a person, and exemptions from rules.

Every change takes two people: what one proposes counts when another confirms it. What a key is
called here is the kind under which its digest is stored (`runtime.keyring.BlindIndex`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Final

from pydantic import Field

from domain.common.data import Data
from domain.common.definitions import Content, Finding, InForce, Kind
from domain.common.errors import DomainError, FieldError
from domain.common.masking import masked_number
from domain.people.identity_documents import identity_number
from domain.people.identity_numbers import parse_card_number, parse_mobile

STANDARD_LISTS: Final = "standard"
"""The policy of lists that an installation goes by, by code."""

MAX_DEVICE: Final = 128


class ListName(StrEnum):
    """Black rejects, grey refers to a person, white may waive: the decision policy says so."""

    BLACK = "black"
    GREY = "grey"
    WHITE = "white"


class KeyKind(StrEnum):
    """By what somebody is on a list."""

    IDENTITY_NUMBER = "identity_number"
    MOBILE = "mobile"
    BANK_CARD = "bank_card"
    DEVICE = "device"
    IP = "ip"


class InvalidKey(FieldError):
    """A key that nobody can have; the message says what it has to be like and does not quote it."""


class InvalidEntry(FieldError):
    """An entry that cannot be put on a list, or taken from it."""


class ChangeDecided(DomainError):
    """Somebody confirmed or refused the change already."""


class ExemptionTooLong(FieldError):
    """An exemption has to end on a day to come, within the longest time."""


class ListReason(Content):
    """Why somebody may be on a list."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    text: str = Field(min_length=1, max_length=200)


class ListPolicy(Content):
    """Reasons for being on a list, the longest file, and the longest exemption in days."""

    reasons: tuple[ListReason, ...] = Field(min_length=1, max_length=100)
    import_max_rows: int = Field(strict=True, ge=1, le=20_000)
    exemption_max_days: int = Field(strict=True, ge=1, le=3650)


def check_list_policy(policy: ListPolicy, _: InForce) -> Iterator[Finding]:
    """Find reasons that stand there twice."""
    codes = [one.code for one in policy.reasons]
    for number, code in enumerate(codes):
        if code in codes[:number]:
            yield Finding(f"reasons.{number}.code", f"{code} stands there twice", "another code")


LIST_POLICY: Final = Kind("list_policy", ListPolicy, check_list_policy)


class Entry(Data):
    """Somebody's key on a list, in its normal form; it counts to the end of `expires_on`."""

    kind: KeyKind
    key: str = Field(repr=False)
    reason: str
    source: str = Field(min_length=1, max_length=100)
    expires_on: date | None = None


@dataclass(frozen=True, repr=False)
class PersonKeys:
    """By what one person can be on a list, in normal form. Holds personal data."""

    identity_numbers: frozenset[str] = frozenset()
    mobiles: frozenset[str] = frozenset()
    bank_cards: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    addresses: frozenset[str] = field(default=frozenset())

    def pairs(self) -> Iterator[tuple[KeyKind, str]]:
        """Yield every key that is looked up: of an IP address every network that holds it."""
        for kind, keys in (
            (KeyKind.IDENTITY_NUMBER, self.identity_numbers),
            (KeyKind.MOBILE, self.mobiles),
            (KeyKind.BANK_CARD, self.bank_cards),
            (KeyKind.DEVICE, self.devices),
        ):
            yield from ((kind, key) for key in sorted(keys))
        for address in sorted(self.addresses):
            yield from ((KeyKind.IP, network) for network in networks_of(address))


def normal_key(kind: KeyKind, text: str) -> str:
    """Return a key in the form in which it is compared; raises `InvalidKey`."""
    try:
        return _FORMS[kind](text)
    except ValueError as error:
        raise InvalidKey(str(error), field="key") from None


def networks_of(address: str) -> Iterator[str]:
    """Yield every network that an entry can name and that holds an address, the widest first."""
    found = ip_address(address)
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    for length in _LENGTHS[found.version]:
        yield str(ip_network((found, length), strict=False))


def shown_key(kind: KeyKind, key: str) -> str:
    """Return a key as people see it: enough to recognise what they know already."""
    match kind:
        case KeyKind.IDENTITY_NUMBER:
            return masked_number(key, head=3, tail=4)
        case KeyKind.MOBILE:
            return masked_number(key, head=3, tail=2)
        case KeyKind.BANK_CARD:
            return masked_number(key, head=0, tail=4)
        case KeyKind.DEVICE:
            return masked_number(key, head=2, tail=2)
        case KeyKind.IP:
            return key if "/" in key and not key.endswith(("/32", "/128")) else "*"


def check_entry(entry: Entry, policy: ListPolicy, on: date) -> None:
    """Raise `InvalidEntry` for an unknown reason, or an entry that would have expired already."""
    if entry.reason not in {one.code for one in policy.reasons}:
        known = ", ".join(one.code for one in policy.reasons)
        raise InvalidEntry(f"no such reason: write one of {known}", field="reason")
    if entry.expires_on is not None and entry.expires_on < on:
        raise InvalidEntry(f"has passed: name {on} or a later day, or none", field="expires_on")


def check_exemption(first: date, last: date, policy: ListPolicy, on: date) -> None:
    """Raise `ExemptionTooLong` unless an exemption may last from one day to another."""
    longest = first + timedelta(days=policy.exemption_max_days - 1)
    if last < max(first, on) or last > longest:
        raise ExemptionTooLong(
            f"name a day from {max(first, on)} to {longest}: an exemption lasts"
            f" {policy.exemption_max_days} days at most",
            field="last_day",
        )


def list_facts(found: Iterable[tuple[ListName, KeyKind]]) -> Mapping[str, frozenset[str]]:
    """Return the facts of lists, such as `list_black`: the kinds of keys that are on each."""
    hits = list(found)
    return {
        f"list_{name}": frozenset(kind.value for listed, kind in hits if listed is name)
        for name in ListName
    }


_LENGTHS: Final = {4: tuple(range(16, 33)), 6: (*range(32, 65), 128)}
"""So many leading bits may name a network: a wider one would be half a country."""


def _network(text: str) -> str:
    try:
        network: IPv4Network | IPv6Network = ip_network(text.strip())
    except ValueError:
        raise ValueError(
            "is not an IP address or network: write 203.0.113.7, or 203.0.113.0/24 with zeros"
            " behind the network's bits"
        ) from None
    mapped = network.network_address
    if isinstance(mapped, IPv6Address) and mapped.ipv4_mapped and network.prefixlen == 128:
        network = ip_network(mapped.ipv4_mapped)
    if network.prefixlen not in _LENGTHS[network.version]:
        raise ValueError(
            "is too wide or between sizes: a network has 16 to 32 bits, of IPv6 32 to 64 or 128"
        )
    return str(network)


def _device(text: str) -> str:
    device = text.strip()
    if not 8 <= len(device) <= MAX_DEVICE or not device.replace("-", "").replace("_", "").isalnum():
        raise ValueError(
            "is not the id of a device: 8 to 128 letters, digits, hyphens and underscores"
        )
    if not device.isascii():
        raise ValueError("is not the id of a device: letters from a to z only")
    return device


_FORMS: Final[Mapping[KeyKind, Callable[[str], str]]] = {
    KeyKind.IDENTITY_NUMBER: identity_number,
    KeyKind.MOBILE: parse_mobile,
    KeyKind.BANK_CARD: parse_card_number,
    KeyKind.DEVICE: _device,
    KeyKind.IP: _network,
}
