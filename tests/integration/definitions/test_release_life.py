"""The life of a definition on a real PostgreSQL: by whom, in which order, and at the same time."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

import asyncpg
import pytest

from domain.common.definitions import (
    Agreed,
    DefinitionChanged,
    DefinitionInvalid,
    DefinitionReferenced,
    InvalidEffectiveFrom,
    SecondPersonNeeded,
    UnknownDefinition,
    WrongDefinitionState,
)
from domain.common.errors import DomainError
from domain.people.principals import Principal
from runtime.clock import utc_now
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import Settings
from services.definitions import drafting, reading, releasing
from services.definitions.drafting import MAX_CONTENT_BYTES
from storage.common.audit import AuditRow
from storage.common.outbox import OutboxRepository
from storage.common.rows import Cursor
from storage.database import Database
from storage.definitions import (
    DefinitionRepository,
    DefinitionRow,
    DefinitionState,
    ReleaseRow,
)
from tests.integration.definitions.kinds import (
    ANNA,
    FEE_TABLE,
    KINDS,
    OLGA,
    OTTO,
    FeeTable,
    card,
    table,
)
from tests.staff import person

HOUR = timedelta(hours=1)
TOLD_WITHIN_SECONDS = 5.0


class Definitions:
    """The use cases, each in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def draft(
        self,
        kind: str,
        code: str,
        content: dict[str, Any],
        by: Principal = ANNA,
        base: int | None = None,
    ) -> drafting.Drafted:
        async with self.database.transaction() as tx:
            return await drafting.draft(tx, by, kind, code, content, note="test", base=base)

    async def check(
        self, kind: str, code: str, version: int, at: datetime | None = None
    ) -> DefinitionRow:
        async with self.database.transaction() as tx:
            return await drafting.check(tx, ANNA, kind, code, version, at=at)

    async def release(
        self,
        kind: str,
        code: str,
        version: int,
        by: Principal = OTTO,
        at: datetime | None = None,
    ) -> ReleaseRow:
        async with self.database.transaction() as tx:
            return await releasing.release(
                tx, by, kind, code, version, reason="test", effective_from=at
            )

    async def rollback(
        self, kind: str, code: str, leaving: int, to: int | None = None, by: Principal = OTTO
    ) -> ReleaseRow:
        async with self.database.transaction() as tx:
            return await releasing.rollback(
                tx, by, kind, code, leaving=leaving, to=to, reason="test"
            )

    async def withdraw(self, kind: str, code: str, version: int) -> ReleaseRow:
        async with self.database.transaction() as tx:
            return await releasing.withdraw(tx, OTTO, kind, code, version, reason="test")

    async def retire(self, kind: str, code: str, version: int | None = None) -> list[DefinitionRow]:
        async with self.database.transaction() as tx:
            return await releasing.retire(tx, OTTO, kind, code, version, reason="test")

    async def checked(
        self,
        kind: str,
        code: str,
        content: dict[str, Any],
        by: Principal = ANNA,
        at: datetime | None = None,
    ) -> int:
        version = (await self.draft(kind, code, content, by)).row.version
        await self.check(kind, code, version, at)
        return version

    async def released(
        self, kind: str, code: str, content: dict[str, Any], at: datetime | None = None
    ) -> int:
        version = await self.checked(kind, code, content, at=at)
        await self.release(kind, code, version, at=at)
        return version

    async def shown(self, kind: str, code: str) -> reading.Shown:
        async with self.database.snapshot() as tx:
            return await reading.show(tx, kind, code)

    async def in_force(self, kind: str, code: str) -> int | None:
        release = (await self.shown(kind, code)).in_force
        return release.version if release else None

    async def states(self, kind: str, code: str) -> dict[int, str]:
        return {row.version: row.state for row in (await self.shown(kind, code)).versions}


@pytest.fixture
async def definitions(database: Database) -> AsyncIterator[Definitions]:
    """The use cases, with kinds of the tests' own."""
    async with database.read() as tx:
        cache = tx.definitions
    usual, cache.kinds = cache.kinds, KINDS
    yield Definitions(database)
    cache.kinds = usual


@pytest.fixture
def code() -> str:
    """A code that no other test uses."""
    return f"c{secrets.token_hex(6)}"


async def test_a_version_is_drafted_checked_and_released_by_a_second_person(
    definitions: Definitions, code: str
) -> None:
    drafted = await definitions.draft("fee_table", code, table(500))
    assert (drafted.row.version, drafted.row.state, drafted.findings) == (1, "draft", ())
    checked = await definitions.check("fee_table", code, 1)
    assert (checked.state, checked.checked_by) == ("checked", ANNA.actor)
    assert await definitions.in_force("fee_table", code) is None
    with pytest.raises(SecondPersonNeeded):
        await definitions.release("fee_table", code, 1, by=ANNA)
    await definitions.release("fee_table", code, 1)
    assert await definitions.in_force("fee_table", code) == 1
    assert await definitions.states("fee_table", code) == {1: "released"}


async def test_who_drafts_cannot_release_in_another_role_either(
    definitions: Definitions, code: str
) -> None:
    version = await definitions.checked("fee_table", code, table())
    with pytest.raises(SecondPersonNeeded):
        await definitions.release("fee_table", code, version, by=person("ops", "anna"))


async def test_only_a_checked_version_is_released(definitions: Definitions, code: str) -> None:
    await definitions.draft("fee_table", code, table())
    with pytest.raises(WrongDefinitionState, match="only a checked version"):
        await definitions.release("fee_table", code, 1)
    with pytest.raises(UnknownDefinition, match=f"fee_table/{code}@2"):
        await definitions.release("fee_table", code, 2)


async def test_a_draft_may_be_wrong_and_is_told_everything_at_once(
    definitions: Definitions, code: str
) -> None:
    await definitions.released("fee_table", code, table(500))
    wrong = {"fees": [{"name": "issue", "amount": -1, "colour": "red"}], "shape": "round"}
    drafted = await definitions.draft("fee_table", code, wrong)
    assert drafted.row.state == "draft"
    found = {one.field: one for one in drafted.findings}
    assert set(found) == {"title", "fees.0.amount", "fees.0.colour", "shape"}
    assert found["fees.0.amount"].example == "500"
    assert found["title"].example == '"Fees"'
    with pytest.raises(DefinitionInvalid) as refused:
        await definitions.check("fee_table", code, 2)
    assert {one.field for one in refused.value.findings} == set(found)
    assert (await definitions.states("fee_table", code))[2] == "draft"
    beyond = await definitions.draft("fee_table", code, table(100_001))
    assert [(one.field, one.example) for one in beyond.findings] == [("fees.0.amount", "2500")]


@pytest.mark.parametrize(
    ("kind", "named", "told"),
    [
        ("ladder", "good", "the kinds are: card, fee_table"),
        ("fee_table", "Good", "is no code"),
        ("fee_table", "", "is no code"),
        ("fee_table", "a" * 65, "is no code"),
        ("fee_table", "good\n", "is no code"),
        ("fee_table", "../x", "is no code"),
    ],
)
async def test_an_unknown_kind_or_a_bad_code_is_refused(
    definitions: Definitions, kind: str, named: str, told: str
) -> None:
    with pytest.raises(UnknownDefinition, match=told):
        await definitions.draft(kind, named, table())


@pytest.mark.parametrize(
    "content",
    [
        {"title": "x" * MAX_CONTENT_BYTES},
        {"title": "half \ud800 a pair"},
        {"title": float("nan")},
        {"title": object()},
    ],
    ids=["large", "surrogate", "nan", "object"],
)
async def test_what_cannot_be_kept_is_not_drafted(
    definitions: Definitions, code: str, content: dict[str, Any]
) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        await definitions.draft("fee_table", code, content)
    assert [one.field for one in refused.value.findings] == ["content"]
    with pytest.raises(UnknownDefinition):
        await definitions.shown("fee_table", code)


async def test_a_draft_on_top_of_what_is_not_the_newest_is_refused(
    definitions: Definitions, code: str
) -> None:
    await definitions.draft("fee_table", code, table(1), base=0)
    await definitions.draft("fee_table", code, table(2), base=1)
    with pytest.raises(DefinitionChanged, match="is 2 and not 1"):
        await definitions.draft("fee_table", code, table(3), base=1)
    with pytest.raises(DefinitionChanged):
        await definitions.draft("fee_table", code, table(3), base=0)


async def test_the_same_content_again_is_the_same_version(
    definitions: Definitions, code: str
) -> None:
    first = await definitions.draft("fee_table", code, table(1), base=0)
    again = await definitions.draft("fee_table", code, {"rate": "1.5", **table(1)}, by=OTTO, base=0)
    assert (again.row.version, again.row.drafted_by) == (first.row.version, ANNA.actor)


async def test_nothing_comes_into_force_in_the_past(definitions: Definitions, code: str) -> None:
    await definitions.checked("fee_table", code, table())
    with pytest.raises(InvalidEffectiveFrom):
        await definitions.release("fee_table", code, 1, at=utc_now() - timedelta(seconds=1))
    assert await definitions.states("fee_table", code) == {1: "checked"}


async def test_a_release_is_checked_again_against_what_is_in_force_then(
    definitions: Definitions, code: str
) -> None:
    await definitions.released("fee_table", code, table(fee="issue"))
    await definitions.checked("card", code, card(code, "issue"))
    await definitions.released("fee_table", code, table(fee="year"))
    with pytest.raises(DefinitionInvalid, match="no 'issue'"):
        await definitions.release("card", code, 1)
    assert await definitions.states("card", code) == {1: "checked"}


async def test_what_others_in_force_refer_to_is_not_taken_from_them(
    definitions: Definitions, code: str
) -> None:
    await definitions.released("fee_table", code, table(fee="year"))
    await definitions.released("fee_table", code, table(fee="issue"))
    await definitions.released("card", code, card(code, "issue"))
    await definitions.checked("fee_table", code, table(fee="month"))
    with pytest.raises(DefinitionReferenced) as refused:
        await definitions.release("fee_table", code, 3)
    assert [one.field for one in refused.value.findings] == [f"card/{code}: fee"]
    with pytest.raises(DefinitionReferenced):
        await definitions.rollback("fee_table", code, leaving=2)
    with pytest.raises(WrongDefinitionState, match="others may refer to it"):
        await definitions.retire("fee_table", code)
    assert await definitions.in_force("fee_table", code) == 2


async def test_what_a_scheduled_release_will_refer_to_is_not_taken_from_it(
    definitions: Definitions, code: str
) -> None:
    soon = utc_now() + HOUR
    await definitions.released("fee_table", code, table(fee="issue"), at=soon)
    version = (await definitions.draft("card", code, card(code, "issue"))).row.version
    with pytest.raises(DefinitionInvalid):
        await definitions.check("card", code, version)
    await definitions.check("card", code, version, at=soon)
    with pytest.raises(DefinitionInvalid):
        await definitions.release("card", code, version)
    await definitions.release("card", code, version, at=soon)
    with pytest.raises(DefinitionReferenced):
        await definitions.withdraw("fee_table", code, 1)
    # A later table without the fee would break the card on the day after.
    await definitions.checked("fee_table", code, table(fee="month"))
    with pytest.raises(DefinitionReferenced):
        await definitions.release("fee_table", code, 2, at=soon + HOUR)
    await definitions.withdraw("card", code, version)
    await definitions.withdraw("fee_table", code, 1)


async def test_a_faulty_release_that_breaks_nothing_new_is_not_blamed_for_what_was_broken(
    definitions: Definitions, code: str, database: Database
) -> None:
    # Shipped or written by an older check: a card in force that its table does not carry.
    async with database.transaction() as tx:
        repository = DefinitionRepository(tx)
        row = await repository.insert("card", code, card(code, "gone"), note="", drafted_by="x")
        await repository.release(row, effective_from=utc_now(), reason="", released_by="y")
    await definitions.released("fee_table", code, table(fee="issue"))
    await definitions.released("fee_table", code, table(fee="month"))
    assert await definitions.in_force("fee_table", code) == 2


async def test_versions_come_into_force_in_their_order(definitions: Definitions, code: str) -> None:
    for amount in (1, 2, 3):
        await definitions.checked("fee_table", code, table(amount))
    await definitions.release("fee_table", code, 2)
    with pytest.raises(DefinitionChanged, match="version 2 is in force"):
        await definitions.release("fee_table", code, 1)
    await definitions.checked("fee_table", code, table(4))
    await definitions.release("fee_table", code, 3, at=utc_now() + HOUR)
    with pytest.raises(DefinitionChanged, match="withdraw it first"):
        await definitions.release("fee_table", code, 4)
    await definitions.withdraw("fee_table", code, 3)
    await definitions.release("fee_table", code, 4)
    assert await definitions.in_force("fee_table", code) == 4


async def test_a_scheduled_release_is_withdrawn_before_its_instant_and_released_anew(
    definitions: Definitions, code: str
) -> None:
    await definitions.released("fee_table", code, table(1))
    await definitions.released("fee_table", code, table(2), at=utc_now() + HOUR)
    assert [one.version for one in (await definitions.shown("fee_table", code)).scheduled] == [2]
    await definitions.withdraw("fee_table", code, 2)
    assert (await definitions.shown("fee_table", code)).scheduled == ()
    assert (await definitions.states("fee_table", code))[2] == "checked"
    with pytest.raises(WrongDefinitionState, match="is to come"):
        await definitions.withdraw("fee_table", code, 2)
    with pytest.raises(WrongDefinitionState, match="rolled back"):
        await definitions.withdraw("fee_table", code, 1)
    await definitions.release("fee_table", code, 2)
    assert await definitions.in_force("fee_table", code) == 2


async def test_going_back_twice_goes_back_two_versions(definitions: Definitions, code: str) -> None:
    for amount in (1, 2, 3):
        await definitions.released("fee_table", code, table(amount))
    assert (await definitions.rollback("fee_table", code, leaving=3, by=ANNA)).version == 2
    assert (await definitions.rollback("fee_table", code, leaving=2)).version == 1
    with pytest.raises(WrongDefinitionState, match="nothing was in force before"):
        await definitions.rollback("fee_table", code, leaving=1)
    # The mistake was not one after all: that takes two people, as any release does.
    with pytest.raises(WrongDefinitionState, match="left by a rollback"):
        await definitions.rollback("fee_table", code, leaving=1, to=3)
    assert (await definitions.release("fee_table", code, 3)).version == 3
    await definitions.released("fee_table", code, table(4))
    assert (await definitions.rollback("fee_table", code, leaving=4)).version == 3


async def test_a_rollback_undoes_what_was_scheduled(definitions: Definitions, code: str) -> None:
    await definitions.released("fee_table", code, table(1))
    await definitions.released("fee_table", code, table(2))
    await definitions.released("fee_table", code, table(3), at=utc_now() + HOUR)
    await definitions.rollback("fee_table", code, leaving=2)
    shown = await definitions.shown("fee_table", code)
    assert shown.scheduled == ()
    assert shown.in_force is not None
    assert shown.in_force.version == 1
    assert await definitions.states("fee_table", code) == {
        1: "released",
        2: "checked",
        3: "checked",
    }
    # And what is in force can be kept, too, without what was to come.
    await definitions.release("fee_table", code, 3, at=utc_now() + HOUR)
    await definitions.rollback("fee_table", code, leaving=1, to=1)
    assert (await definitions.shown("fee_table", code)).scheduled == ()
    with pytest.raises(WrongDefinitionState, match="in force already"):
        await definitions.rollback("fee_table", code, leaving=1, to=1)


async def test_one_goes_back_only_to_what_was_in_force_and_from_what_is(
    definitions: Definitions, code: str
) -> None:
    await definitions.released("fee_table", code, table(1))
    await definitions.released("fee_table", code, table(2))
    await definitions.checked("fee_table", code, table(3))
    with pytest.raises(WrongDefinitionState, match="never in force"):
        await definitions.rollback("fee_table", code, leaving=2, to=3)
    with pytest.raises(UnknownDefinition):
        await definitions.rollback("fee_table", code, leaving=2, to=9)
    with pytest.raises(DefinitionChanged, match="version 2 is in force, and not 1"):
        await definitions.rollback("fee_table", code, leaving=1)
    await definitions.retire("fee_table", code, 1)
    with pytest.raises(WrongDefinitionState, match="retired"):
        await definitions.rollback("fee_table", code, leaving=2, to=1)


async def test_what_is_retired_is_not_used_again(definitions: Definitions, code: str) -> None:
    await definitions.released("fee_table", code, table(1))
    await definitions.checked("fee_table", code, table(2))
    with pytest.raises(WrongDefinitionState, match="in force or to come"):
        await definitions.retire("fee_table", code, 1)
    assert [row.version for row in await definitions.retire("fee_table", code, 2)] == [2]
    assert await definitions.retire("fee_table", code, 2) == []
    with pytest.raises(WrongDefinitionState):
        await definitions.release("fee_table", code, 2)
    with pytest.raises(WrongDefinitionState):
        await definitions.check("fee_table", code, 2)
    # The same content is a version of its own again.
    assert (await definitions.draft("fee_table", code, table(2))).row.version == 3


async def test_a_definition_that_never_came_into_force_is_retired_as_a_whole(
    definitions: Definitions, code: str
) -> None:
    await definitions.draft("fee_table", code, table(1))
    await definitions.draft("fee_table", code, table(2))
    await definitions.retire("fee_table", code)
    assert set((await definitions.states("fee_table", code)).values()) == {"retired"}


async def test_a_version_is_compared_with_another_field_by_field(
    definitions: Definitions, code: str, database: Database
) -> None:
    await definitions.draft("fee_table", code, table(500))
    changed = {"title": "Fees", "rate": "2", "fees": [{"name": "issue", "amount": 700}]}
    await definitions.draft("fee_table", code, changed)
    async with database.read() as tx:
        found = await reading.diff(tx, "fee_table", code, 1, 2)
    assert [(one.path, one.before, one.after) for one in found] == [
        ("fees.0.amount", 500, 700),
        ("rate", "1.5", "2"),
    ]


async def test_every_act_is_in_the_audit_trail_and_releases_are_told(
    definitions: Definitions, code: str, database: Database
) -> None:
    await definitions.released("fee_table", code, table(1))
    await definitions.released("fee_table", code, table(2))
    await definitions.released("fee_table", code, table(3), at=utc_now() + HOUR)
    await definitions.withdraw("fee_table", code, 3)
    await definitions.rollback("fee_table", code, leaving=2)
    await definitions.retire("fee_table", code, 3)
    async with database.read() as tx:
        trail = await reading.history(tx, "fee_table", code, 0, 100)
        told = await OutboxRepository(tx).since(f"definition:fee_table/{code}", 0)
    acts = [(row.action.removeprefix("definition_"), row.outcome, row.actor) for row in trail]
    life = [
        [("drafted", n, ANNA.actor), ("checked", n, ANNA.actor), ("released", n, OTTO.actor)]
        for n in "123"
    ]
    assert acts == [
        *(act for version in life for act in version),
        ("withdrawn", "3", OTTO.actor),
        ("rolled_back", "1", OTTO.actor),
        ("retired", "3", OTTO.actor),
    ]
    assert [row.detail["reason"] for row in trail[2::3]][:3] == ["test"] * 3
    assert [row.kind for row in told] == [
        *["definition_released"] * 3,
        "definition_withdrawn",
        "definition_rolled_back",
    ]
    assert told[0].payload["version"] == 1


async def test_what_is_refused_leaves_nothing(
    definitions: Definitions, code: str, database: Database
) -> None:
    await definitions.checked("fee_table", code, table(1))
    async with database.read() as tx:
        before = await reading.history(tx, "fee_table", code, 0, 100)
    with pytest.raises(SecondPersonNeeded):
        await definitions.release("fee_table", code, 1, by=ANNA)
    async with database.read() as tx:
        assert await reading.history(tx, "fee_table", code, 0, 100) == before
        assert await OutboxRepository(tx).since(f"definition:fee_table/{code}", 0) == []


async def test_definitions_are_listed_by_kind_and_state(
    definitions: Definitions, code: str, database: Database
) -> None:
    await definitions.released("fee_table", code, table(1))
    await definitions.draft("fee_table", code, table(2))

    async def listed(**filters: Any) -> list[reading.Overview]:
        async with database.snapshot() as tx:
            found = await reading.list_definitions(tx, None, 1000, **filters)
        return [one for one in found if one.newest.code == code]

    [all_kinds] = await listed()
    assert (all_kinds.newest.version, all_kinds.newest.state) == (2, "draft")
    assert all_kinds.in_force is not None
    assert all_kinds.in_force.version == 1
    [released] = await listed(kind="fee_table", state=DefinitionState.RELEASED)
    assert released.newest.version == 1
    assert await listed(kind="fee_table", state=DefinitionState.CHECKED) == []
    assert await listed(kind="card") == []


async def test_definitions_and_their_history_are_read_page_by_page(
    definitions: Definitions, code: str, database: Database
) -> None:
    codes = [f"{code}-{number}" for number in range(3)]
    for one in codes:
        await definitions.draft("fee_table", one, table(1))
    await definitions.draft("fee_table", codes[0], table(2))

    seen: list[reading.Overview] = []
    after: Cursor | None = None
    trail: list[AuditRow] = []
    async with database.snapshot() as tx:
        while page := await reading.list_definitions(tx, after, 2):
            seen += page
            after = Cursor(page[-1].newest.drafted_at, page[-1].newest.id)
        while found := await reading.history(
            tx, "fee_table", codes[0], trail[-1].id if trail else 0, 1
        ):
            trail += found

    names = [one.newest.id for one in seen]
    assert len(set(names)) == len(names)
    # The one drafted last comes first, by its newest version.
    newest = [one.newest for one in seen if one.newest.code in codes]
    assert [(row.code, row.version) for row in newest] == [
        (codes[0], 2),
        (codes[2], 1),
        (codes[1], 1),
    ]
    assert [row.outcome for row in trail] == ["1", "2"]


async def test_a_version_is_never_changed_or_lost(
    definitions: Definitions, code: str, database: Database
) -> None:
    await definitions.released("fee_table", code, table(1))
    for statement in (
        "update definitions set content = '{}' where code = $1",
        "delete from definitions where code = $1",
        "update definition_releases set reason = 'other' where code = $1",
        "delete from definition_releases where code = $1",
    ):
        with pytest.raises(asyncpg.PostgresError):
            async with database.transaction() as tx:
                await tx.connection.execute(statement, code)


async def test_what_was_drafted_and_undone_is_not_remembered(
    definitions: Definitions, code: str, database: Database
) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await _release_and_fail(database, code)
    await definitions.released("fee_table", code, table(2))
    async with database.read() as tx:
        found = await DefinitionRepository(tx).of_version(FEE_TABLE, code, 1)
    assert found.fees[0].amount == 2


async def _release_and_fail(database: Database, code: str) -> None:
    async with database.transaction() as tx:
        await drafting.draft(tx, ANNA, "fee_table", code, table(1), note="")
        await drafting.check(tx, ANNA, "fee_table", code, 1)
        await releasing.release(tx, OTTO, "fee_table", code, 1, reason="test")
        await tx.connection.execute("select 1/0")


async def _outcomes(*acts: Awaitable[Any]) -> list[Any]:
    """What came of acts at the same time: a refusal's class, or what was returned."""
    results = await asyncio.gather(*acts, return_exceptions=True)
    for result in results:
        assert not isinstance(result, BaseException) or isinstance(result, DomainError), result
    return [type(one) if isinstance(one, DomainError) else one for one in results]


async def test_of_many_releases_of_a_version_at_once_one_counts(
    definitions: Definitions, code: str
) -> None:
    await definitions.checked("fee_table", code, table(1))
    people = [person("ops", f"olga-{number}") for number in range(6)]
    outcomes = await _outcomes(
        *(definitions.release("fee_table", code, 1, by=one) for one in people)
    )
    assert outcomes.count(WrongDefinitionState) == 5
    assert len((await definitions.shown("fee_table", code)).releases) == 1


async def test_of_two_versions_released_at_once_the_newer_is_in_force(
    definitions: Definitions, code: str
) -> None:
    await definitions.released("fee_table", code, table(1))
    for amount in (2, 3):
        await definitions.checked("fee_table", code, table(amount))
    outcomes = await _outcomes(
        *(definitions.release("fee_table", code, version) for version in (3, 2))
    )
    assert all(one is DefinitionChanged or isinstance(one, ReleaseRow) for one in outcomes)
    assert await definitions.in_force("fee_table", code) == 3


async def test_drafts_at_once_on_one_base_are_one_and_refusals(
    definitions: Definitions, code: str
) -> None:
    await definitions.draft("fee_table", code, table(1))
    outcomes = await _outcomes(
        *(definitions.draft("fee_table", code, table(n), base=1) for n in range(2, 8))
    )
    assert outcomes.count(DefinitionChanged) == 5
    assert set(await definitions.states("fee_table", code)) == {1, 2}


async def test_the_same_draft_sent_twice_at_once_is_one_version(
    definitions: Definitions, code: str
) -> None:
    outcomes = await _outcomes(
        *(definitions.draft("fee_table", code, table(1), base=0) for _ in range(6))
    )
    assert [one.row.version for one in outcomes] == [1] * 6


async def test_a_release_while_another_drafts_disturbs_neither(
    definitions: Definitions, code: str
) -> None:
    await definitions.checked("fee_table", code, table(1))
    released, drafted = await _outcomes(
        definitions.release("fee_table", code, 1), definitions.draft("fee_table", code, table(2))
    )
    assert (released.version, drafted.row.version) == (1, 2)
    assert await definitions.states("fee_table", code) == {1: "released", 2: "draft"}


async def test_a_rollback_clicked_twice_goes_back_once(definitions: Definitions, code: str) -> None:
    for amount in (1, 2, 3):
        await definitions.released("fee_table", code, table(amount))
    outcomes = await _outcomes(
        *(definitions.rollback("fee_table", code, leaving=3, by=by) for by in (OTTO, OTTO, OLGA))
    )
    assert outcomes.count(DefinitionChanged) == 2
    assert await definitions.in_force("fee_table", code) == 2


async def test_a_card_and_the_table_it_needs_cannot_be_changed_past_each_other(
    definitions: Definitions, code: str
) -> None:
    await definitions.released("fee_table", code, table(fee="issue"))
    await definitions.checked("fee_table", code, table(fee="month"))
    await definitions.checked("card", code, card(code, "issue"))
    outcomes = await _outcomes(
        definitions.release("fee_table", code, 2), definitions.release("card", code, 1)
    )
    assert len([one for one in outcomes if isinstance(one, ReleaseRow)]) == 1
    assert {DefinitionInvalid, DefinitionReferenced} & set(outcomes)


@pytest.fixture
async def elsewhere(database_url: str, settings: Settings) -> AsyncIterator[Database]:
    """The same record as another process sees it."""
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    async with Database.open(database_url, 2, keyring, blind_index) as opened:
        yield opened


async def _seen(database: Database, code: str) -> Agreed[FeeTable]:
    async with database.read() as tx:
        return await DefinitionRepository(tx).in_force(FEE_TABLE, code)


async def _until(
    see: Callable[[], Awaitable[Agreed[FeeTable]]], version: int, within: float
) -> float:
    """Return after how many seconds a version was seen."""
    started = monotonic()
    while (await see()).ref.version != version:
        assert monotonic() - started < within, f"version {version} was not seen"
        await asyncio.sleep(0.02)
    return monotonic() - started


async def test_a_release_is_in_force_in_every_process_within_seconds(
    definitions: Definitions, code: str, database: Database, elsewhere: Database
) -> None:
    await definitions.released("fee_table", code, table(1))
    both = partial(_seen, database, code), partial(_seen, elsewhere, code)
    # Either process has its answer in memory before the next release.
    await asyncio.sleep(1.1)
    for see in both:
        assert (await see()).ref.version == 1
    await definitions.released("fee_table", code, table(2))
    for see in both:
        assert await _until(see, 2, TOLD_WITHIN_SECONDS) < TOLD_WITHIN_SECONDS

    coming = utc_now() + timedelta(seconds=2)
    await definitions.released("fee_table", code, table(3), at=coming)
    for see in both:
        assert (await see()).ref.version == 2
    for see in both:
        await _until(see, 3, TOLD_WITHIN_SECONDS)
        assert utc_now() >= coming
    assert (utc_now() - coming).total_seconds() < TOLD_WITHIN_SECONDS

    await definitions.rollback("fee_table", code, leaving=3)
    for see in both:
        await _until(see, 2, TOLD_WITHIN_SECONDS)


async def test_a_withdrawn_release_never_comes_in_another_process(
    definitions: Definitions, code: str, elsewhere: Database
) -> None:
    await definitions.released("fee_table", code, table(1))
    coming = utc_now() + timedelta(seconds=3)
    await definitions.released("fee_table", code, table(2), at=coming)
    await _until(partial(_seen, elsewhere, code), 1, TOLD_WITHIN_SECONDS)
    await definitions.withdraw("fee_table", code, 2)
    await asyncio.sleep((coming - utc_now()).total_seconds() + 0.1)
    assert (await _seen(elsewhere, code)).ref.version == 1
