"""Keys of lists in one form, files of entries with their faults, and how long exemptions last.

Networks: RFC 4632 and RFC 4291 (a mapped address is the IPv4 address). Faults of files are those
that spreadsheets make: a byte order mark, formulas, long numbers in powers of ten.
"""

from datetime import date, timedelta
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decisioning.list_files import InvalidListFile, read_entries
from domain.decisioning.lists import (
    LIST_POLICY,
    STANDARD_LISTS,
    ExemptionTooLong,
    InvalidKey,
    KeyKind,
    ListName,
    check_exemption,
    list_facts,
    networks_of,
    normal_key,
    shown_key,
)
from sandbox.personas import person
from tests.definitions import shipped

POLICY = shipped(LIST_POLICY, STANDARD_LISTS)
ON = date(2026, 3, 2)
WHO = person("approved", 1)
HEADER = "kind,key,reason,source,expires_on\n"


@pytest.mark.parametrize(
    ("kind", "given_as", "stored"),
    [
        (KeyKind.MOBILE, "+86 138-0013-8000", "13800138000"),
        (KeyKind.DEVICE, " f3b0c9a71d ", "f3b0c9a71d"),
        (KeyKind.IP, "203.0.113.7", "203.0.113.7/32"),
        (KeyKind.IP, "203.0.113.0/24", "203.0.113.0/24"),
        (KeyKind.IP, "2001:DB8::/32", "2001:db8::/32"),
        (KeyKind.IP, "::ffff:203.0.113.7", "203.0.113.7/32"),
    ],
)
def test_one_key_has_one_form(kind: KeyKind, given_as: str, stored: str) -> None:
    assert normal_key(kind, given_as) == stored


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (KeyKind.MOBILE, "12345"),
        (KeyKind.IDENTITY_NUMBER, "110105194912310021"),
        (KeyKind.BANK_CARD, "4111"),
        (KeyKind.DEVICE, "short"),
        (KeyKind.DEVICE, "a device id"),
        (KeyKind.IP, "203.0.113.7/24"),
        (KeyKind.IP, "10.0.0.0/8"),
        (KeyKind.IP, "2001:db8::/100"),
        (KeyKind.IP, "nowhere"),
    ],
)
def test_what_nobody_can_have_is_refused_without_quoting_it(kind: KeyKind, text: str) -> None:
    with pytest.raises(InvalidKey) as refused:
        normal_key(kind, text)
    assert text not in refused.value.message
    assert refused.value.field == "key"


@given(st.ip_addresses(), st.integers(0, 128))
def test_an_address_is_found_by_every_network_that_holds_it(address: object, length: int) -> None:
    where = ip_address(str(address))
    network = ip_network((str(where), min(length, where.max_prefixlen)), strict=False)
    try:
        stored = normal_key(KeyKind.IP, str(network))
    except InvalidKey:
        return
    assert stored in set(networks_of(str(where)))


def test_masked_keys_do_not_tell_the_key() -> None:
    for kind, key in (
        (KeyKind.IDENTITY_NUMBER, WHO.identity_number),
        (KeyKind.MOBILE, WHO.mobile),
        (KeyKind.BANK_CARD, WHO.card_number),
        (KeyKind.DEVICE, "f3b0c9a71d"),
        (KeyKind.IP, "203.0.113.7/32"),
    ):
        assert key not in shown_key(kind, key)
        assert "*" in shown_key(kind, key)
    assert shown_key(KeyKind.IP, "203.0.113.0/24") == "203.0.113.0/24"


def test_a_file_is_read_with_mark_quotes_and_line_ends_of_any_system() -> None:
    text = (
        f"\ufeff{HEADER.strip()}\r\n"
        f'identity_number,{WHO.identity_number},fraud,"police, Beijing",\r\n'
        "\r\n"
        "ip,203.0.113.0/24,agent,own,2026-12-31\r\n"
    )
    first, second = read_entries(text, POLICY, ON).items()
    assert (first[0], first[1].key, first[1].source) == (2, WHO.identity_number, "police, Beijing")
    assert (second[0], second[1].expires_on) == (4, date(2026, 12, 31))


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("mobile,13800138000", "kind"),
        ("phone,13800138000,fraud,own,", "kind"),
        ("mobile,1.38E+10,fraud,own,", "key"),
        ('mobile,"=""13800138000""",fraud,own,', "key"),
        ("mobile,13800138000,fraud,=cmd|' /C calc'!A0,", "source"),
        ("mobile,13800138000,fraud,@own,", "source"),
        ("mobile,13800138000,fraud,,", "source"),
        ("mobile,13800138000,because,own,", "reason"),
        ("mobile,13800138000,fraud,own,31.12.2026", "expires_on"),
        ("mobile,13800138000,fraud,own,2026-02-30", "expires_on"),
        ("mobile,13800138000,fraud,own,2026-03-01", "expires_on"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_taken(row: str, column: str) -> None:
    text = f"{HEADER}ip,203.0.113.0/24,agent,own,\n{row}\n"
    with pytest.raises(InvalidListFile) as refused:
        read_entries(text, POLICY, ON)
    assert [one.field for one in refused.value.findings] == [f"rows.3.{column}"]
    assert "13800138000" not in str(refused.value.findings)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "rows.1"),
        ("kind;key;reason;source;expires_on\n", "rows.1"),
        ("key,kind,reason,source,expires_on\n", "rows.1"),
        (HEADER, "rows"),
        (f'{HEADER}ip,"203.0.113.0/24,agent,own,\n', "rows"),
        (HEADER + "ip,203.0.113.0/24,agent,own,\n" * 2, "rows.3.key"),
        (f"{HEADER}ip,203.0.113.7,agent,own,\nip,203.0.113.7/32,agent,own,\n", "rows.3.key"),
    ],
)
def test_a_file_that_is_none_says_why(text: str, field: str) -> None:
    with pytest.raises(InvalidListFile) as refused:
        read_entries(text, POLICY, ON)
    assert [one.field for one in refused.value.findings] == [field]


def test_a_file_has_its_bounds() -> None:
    short = POLICY.model_copy(update={"import_max_rows": 3})
    rows = "".join(f"ip,203.0.{number}.0/24,agent,own,\n" for number in range(4))
    with pytest.raises(InvalidListFile, match="faults"):
        read_entries(HEADER + rows, short, ON)
    with pytest.raises(InvalidListFile) as refused:
        read_entries(HEADER + "ip,nowhere,agent,own,\n" * 200, POLICY, ON)
    assert len(refused.value.findings) == 50


def test_facts_of_lists_are_the_kinds_of_keys() -> None:
    found = [(ListName.BLACK, KeyKind.MOBILE), (ListName.BLACK, KeyKind.DEVICE)]
    assert list_facts(found) == {
        "list_black": frozenset({"mobile", "device"}),
        "list_grey": frozenset(),
        "list_white": frozenset(),
    }


def test_an_exemption_lasts_within_its_longest_time() -> None:
    last = ON + timedelta(days=POLICY.exemption_max_days - 1)
    check_exemption(ON, last, POLICY, ON)
    later = ON + timedelta(days=5)
    check_exemption(later, later, POLICY, ON)
    for first, until in (
        (ON, last + timedelta(days=1)),
        (ON, ON - timedelta(days=1)),
        (ON - timedelta(days=9), ON - timedelta(days=1)),
    ):
        with pytest.raises(ExemptionTooLong, match="90 days at most"):
            check_exemption(first, until, POLICY, ON)
