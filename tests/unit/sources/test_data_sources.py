"""Sources as data: which is asked, in which order, at what cost."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.common.definitions import Agreed
from domain.people.consents import Purpose
from domain.sources import SENSITIVE, SOURCE, BilledOn, Capability, DataSource, asked_in_order
from runtime.settings import Settings
from tests.definitions import agreed, codes, shipped


def source(name: str, **fields: object) -> Agreed[DataSource]:
    """A source as it would be in force."""
    content = DataSource.model_validate({"name": name, "capability": "bureau", **fields})
    return SOURCE.agreed(name, 1, content)


def asked(*sources: Agreed[DataSource]) -> list[str]:
    return [one.content.name for one in asked_in_order(sources, Capability.BUREAU)]


def test_sources_are_asked_in_their_order_and_only_those_that_are_on() -> None:
    first, second = (agreed(SOURCE, name) for name in ("bureau", "bureau_second"))
    others = (agreed(SOURCE, "real_name"), source("other", order=4))
    assert asked(*others, second, first) == ["bureau", "bureau_second", "other"]
    assert asked(source("bureau", order=5), second, *others) == ["bureau_second", "other", "bureau"]
    assert asked(source("bureau", enabled=False), second, *others) == ["bureau_second", "other"]
    assert asked(source("b"), source("a")) == ["a", "b"]


@pytest.mark.parametrize(
    ("billed_on", "never_arrived", "no_answer", "denied", "confirmed"),
    [
        (BilledOn.CALL, 0, 25, 25, 25),
        (BilledOn.ANSWER, 0, 0, 25, 25),
        (BilledOn.MATCH, 0, 0, 0, 25),
    ],
)
def test_a_call_is_charged_for_what_the_contract_bills(
    billed_on: BilledOn, never_arrived: int, no_answer: int, denied: int, confirmed: int
) -> None:
    source = DataSource(name="one", capability=Capability.BUREAU, cost=25, billed_on=billed_on)
    assert source.charge(reached=False, answered=False, match=False) == never_arrived
    assert source.charge(reached=True, answered=False, match=False) == no_answer
    assert source.charge(reached=True, answered=True, match=False) == denied
    assert source.charge(reached=True, answered=True, match=True) == confirmed


@pytest.mark.parametrize(
    ("calls", "gap"),
    [
        (None, None),
        ("0.1", timedelta(seconds=10)),
        (4, timedelta(milliseconds=250)),
        # A gap of 333,333 microseconds would let a fourth call into the second.
        (3, timedelta(microseconds=333_334)),
        (100_000, timedelta(microseconds=10)),
    ],
)
def test_calls_lie_so_far_apart_that_no_second_holds_too_many(
    calls: object, gap: timedelta | None
) -> None:
    assert source("bureau", calls_per_second=calls).content.gap == gap


def test_a_match_stands_longer_than_a_denial() -> None:
    source = DataSource(
        name="one", capability=Capability.BUREAU, validity_days=30, denial_validity_days=1
    )
    assert source.valid_for(match=True) == timedelta(days=30)
    assert source.valid_for(match=False) == timedelta(days=1)


def test_quotas_begin_anew_at_midnight_of_the_sources_zone() -> None:
    source = shipped(SOURCE, "bureau")
    # 23:59:59 and 00:00:00 in Shanghai, which is eight hours ahead.
    assert source.next_day(datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)) == datetime(
        2026, 3, 1, 16, tzinfo=UTC
    )
    assert source.next_day(datetime(2026, 3, 1, 16, tzinfo=UTC)) == datetime(
        2026, 3, 2, 16, tzinfo=UTC
    )


def test_sensitive_data_is_asked_about_under_a_consent_of_its_own() -> None:
    """Necessary for a loan are name, identity number, mobile and card (the rule of 2021)."""
    every = [shipped(SOURCE, name) for name in codes(SOURCE)]
    needed = {source.capability: source.consent for source in every}
    assert needed[Capability.LIVENESS] == needed[Capability.FACE] == Purpose.FACE_RECOGNITION
    assert needed[Capability.BUREAU] is Purpose.BUREAU_QUERY
    assert needed[Capability.CONTACTS] is Purpose.PERSONAL_INFORMATION
    for of_a_decision in (
        Capability.BLACKLIST,
        Capability.MULTI_LENDER,
        Capability.MODEL_SCORE,
        Capability.TRANSACTION_AUTHENTICATION,
    ):
        assert needed[of_a_decision] is Purpose.BUREAU_QUERY
    for necessary in (Capability.REAL_NAME, Capability.OPERATOR, Capability.BANK_CARD):
        assert needed[necessary] is None
    for source in every:
        assert source.consent == SENSITIVE.get(source.capability), source.name


@pytest.mark.parametrize("name", ["fireeye_transaction", "fireeye_score"])
def test_fireeye_bills_every_definite_answer_and_its_answer_stands_for_a_day(name: str) -> None:
    """UnionPay bills `0003`, nothing found, like an answer; a day's cache is our own choice."""
    source = shipped(SOURCE, name)
    assert source.cost > 0
    assert source.daily_quota is not None
    assert source.charge(reached=True, answered=True, match=False) == source.cost
    assert source.charge(reached=True, answered=False, match=False) == 0
    for match in (True, False):
        assert source.valid_for(match=match) == timedelta(hours=24)


def test_settings_take_fireeye_s_profile_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().providers.fireeye_profile is None
    monkeypatch.setenv("LOANFLOW_PROVIDERS__FIREEYE_PROFILE", '{"amount_unit": "fen"}')
    monkeypatch.setenv("LOANFLOW_PROVIDERS__FIREEYE_APP_KEY", "k-1")
    providers = Settings().providers
    assert providers.fireeye_profile == {"amount_unit": "fen"}
    assert providers.fireeye_app_key.get_secret_value() == "k-1"
    assert "k-1" not in repr(providers)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("11010519491231002X", "citizen_card"),
        ("810000199408230021", "residence_permit"),
        ("911124198108030024", "permanent_residence_card"),
        ("H12345678", "hong_kong_macao_permit"),
        ("00112233", "taiwan_permit"),
        ("USA123456789", "passport"),
    ],
)
def test_a_source_is_asked_about_the_documents_that_it_knows(number: str, kind: str) -> None:
    every = [shipped(SOURCE, name) for name in codes(SOURCE)]
    assert any(one.knows(number) for one in every if one.capability is Capability.REAL_NAME)
    for one in every:
        assert one.knows(None)
        assert one.knows(number) is (one.documents is None or kind in one.documents)
    if kind != "citizen_card":
        for name in ("real_name", "fireeye_score", "fireeye_transaction", "blacklist"):
            assert not shipped(SOURCE, name).knows(number)
