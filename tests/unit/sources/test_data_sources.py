"""Sources as data: which is asked, in which order, at what cost, and what settings may change."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from domain.people.consents import Purpose
from domain.sources import SOURCES, BilledOn, Capability, DataSource, catalogue
from runtime.settings import ProviderSettings, Settings

Changes = dict[str, dict[str, object]]


def names(changes: Changes, capability: Capability) -> list[str]:
    return [source.name for source in catalogue(changes).of(capability)]


def test_sources_are_asked_in_their_order_and_only_those_that_are_on() -> None:
    second: Changes = {"other": {"capability": "bureau", "order": 4}}
    assert names({}, Capability.BUREAU) == ["bureau", "bureau_second"]
    assert names(second, Capability.BUREAU) == ["bureau", "bureau_second", "other"]
    later: Changes = {**second, "bureau": {"order": 5}}
    assert names(later, Capability.BUREAU) == ["bureau_second", "other", "bureau"]
    switched: Changes = {**second, "bureau": {"enabled": False}}
    assert names(switched, Capability.BUREAU) == ["bureau_second", "other"]


def test_a_change_keeps_the_other_fields_of_a_shipped_source() -> None:
    changed = catalogue({"real_name": {"daily_quota": 7}}).source("real_name")
    assert changed == SOURCES["real_name"].model_copy(update={"daily_quota": 7})
    assert SOURCES["real_name"].daily_quota is None


@pytest.mark.parametrize(
    "changes",
    [
        {"real_name": {"costs": 1}},
        {"real_name": {"cost": -1}},
        {"real_name": {"cost": 1.5}},
        {"real_name": {"currency": "yuan"}},
        {"real_name": {"capability": "guessing"}},
        {"real_name": {"consent": "whatever"}},
        {"real_name": {"zone": "Mars/Olympus"}},
        {"real_name": {"calls_per_second": 0}},
        {"real_name": {"calls_per_second": float("nan")}},
        {"another": {"order": 1}},
        {"Another": {"capability": "bureau"}},
        {"../bureau": {"capability": "bureau"}},
    ],
)
def test_what_is_no_profile_is_refused_when_settings_are_read(
    changes: Changes,
) -> None:
    with pytest.raises(ValueError):
        catalogue(changes)
    with pytest.raises(ValidationError):
        ProviderSettings(sources=changes)


def test_settings_take_the_changes_as_json(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setenv("LOANFLOW_PROVIDERS__SOURCES", '{"bureau": {"enabled": false, "cost": 350}}')
    sources = catalogue(Settings().providers.sources)
    bureau = sources.source("bureau")
    assert bureau is not None
    assert (bureau.enabled, bureau.cost) == (False, 350)


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
    changes: Changes = {"bureau": {"calls_per_second": calls}}
    source = catalogue(changes).source("bureau")
    assert source is not None
    assert source.gap == gap


def test_a_match_stands_longer_than_a_denial() -> None:
    source = DataSource(
        name="one", capability=Capability.BUREAU, validity_days=30, denial_validity_days=1
    )
    assert source.valid_for(match=True) == timedelta(days=30)
    assert source.valid_for(match=False) == timedelta(days=1)


def test_quotas_begin_anew_at_midnight_of_the_sources_zone() -> None:
    source = SOURCES["bureau"]
    # 23:59:59 and 00:00:00 in Shanghai, which is eight hours ahead.
    assert source.next_day(datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)) == datetime(
        2026, 3, 1, 16, tzinfo=UTC
    )
    assert source.next_day(datetime(2026, 3, 1, 16, tzinfo=UTC)) == datetime(
        2026, 3, 2, 16, tzinfo=UTC
    )


def test_sensitive_data_is_asked_about_under_a_consent_of_its_own() -> None:
    """Necessary for a loan are name, identity number, mobile and card (the rule of 2021)."""
    needed = {source.capability: source.consent for source in catalogue().all}
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


@pytest.mark.parametrize("name", ["fireeye_transaction", "fireeye_score"])
def test_fireeye_bills_every_definite_answer_and_its_answer_stands_for_a_day(name: str) -> None:
    """Domain facts, sections 4.2 and 4.4: also that nothing was found."""
    source = SOURCES[name]
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
