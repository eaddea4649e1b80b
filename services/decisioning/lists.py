"""Changes of the lender's own lists and exemptions from rules: one proposes, another confirms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.common.definitions import Finding, SecondPersonNeeded
from domain.common.errors import NotFound
from domain.decisioning.list_files import MAX_FAULTS, InvalidListFile, read_entries
from domain.decisioning.lists import (
    LIST_POLICY,
    STANDARD_LISTS,
    ChangeDecided,
    Entry,
    InvalidEntry,
    ListName,
    ListPolicy,
    PersonKeys,
    check_entry,
    check_exemption,
    list_facts,
)
from domain.people.principals import Principal
from services.common.commands import Command
from services.people.handles import with_handles
from services.people.ownership import find_applicant, require_id
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.decisioning.lists import (
    ChangeAction,
    ChangeState,
    ExemptionRow,
    ListChangeRepository,
    ListChangeRow,
    ListRepository,
)
from storage.definitions import DefinitionRepository


@dataclass(frozen=True)
class ExemptionCreate:
    """From which rule a customer is to be exempt, from the one day to the other."""

    rule: str
    first_day: date
    last_day: date


async def policy_of_lists(tx: Transaction) -> ListPolicy:
    """Return the policy of lists in force."""
    return (await DefinitionRepository(tx).in_force(LIST_POLICY, STANDARD_LISTS)).content


async def propose_entries(
    tx: Transaction,
    caller: Principal,
    command: Command,
    on_list: ListName,
    entries: Sequence[Entry],
    *,
    reason: str,
    today: date,
) -> ListChangeRow:
    """Propose that keys are put on a list. A repeat returns the same change.

    Raises `InvalidEntry` for a reason that the policy does not know, a day that has passed, a key
    that stands there twice, or on the list already.
    """
    policy = await policy_of_lists(tx)
    for number, entry in enumerate(entries):
        try:
            check_entry(entry, policy, today)
        except InvalidEntry as error:
            raise InvalidEntry(error.message, field=f"entries.{number}.{error.field}") from None
        if (entry.kind, entry.key) in {(one.kind, one.key) for one in entries[:number]}:
            raise InvalidEntry("stands here twice", field=f"entries.{number}.key")
    made, is_new = await _propose(
        tx, caller, command, "add", on_list=on_list, reason=reason, entries=len(entries)
    )
    if is_new:
        known = await ListRepository(tx).known(on_list, entries, today)
        if known:
            raise InvalidEntry(
                f"is on the {on_list} list already", field=f"entries.{min(known)}.key"
            )
        await ListRepository(tx).add(made.id, on_list, entries)
    return made


async def propose_import(
    tx: Transaction,
    caller: Principal,
    command: Command,
    on_list: ListName,
    file: str,
    *,
    reason: str,
    today: date,
) -> ListChangeRow:
    """Propose that the keys of a CSV file are put on a list: all of them, or none.

    Raises `InvalidListFile`, which names each row that is wrong or on the list already.
    """
    rows = read_entries(file, await policy_of_lists(tx), today)
    numbers, entries = list(rows), list(rows.values())
    made, is_new = await _propose(
        tx, caller, command, "add", on_list=on_list, reason=reason, entries=len(entries)
    )
    if is_new:
        known = await ListRepository(tx).known(on_list, entries, today)
        if known:
            raise InvalidListFile(
                [
                    Finding(f"rows.{numbers[place]}.key", f"is on the {on_list} list already")
                    for place in sorted(known)[:MAX_FAULTS]
                ]
            )
        await ListRepository(tx).add(made.id, on_list, entries)
    return made


async def propose_removal(
    tx: Transaction,
    caller: Principal,
    command: Command,
    on_list: ListName,
    entry_ids: Sequence[str],
    *,
    reason: str,
    today: date,
) -> ListChangeRow:
    """Propose that entries are taken from a list; they stay on record.

    Raises `InvalidEntry` for one that does not count on this list.
    """
    distinct = list(dict.fromkeys(entry_ids))
    made, is_new = await _propose(
        tx, caller, command, "remove", on_list=on_list, reason=reason, entries=len(distinct)
    )
    if is_new:
        standing = await ListRepository(tx).standing_among(on_list, distinct, today)
        for number, entry_id in enumerate(distinct):
            if entry_id not in standing:
                raise InvalidEntry(
                    f"is no entry that counts on the {on_list} list", field=f"entry_ids.{number}"
                )
        await ListRepository(tx).remove(made.id, distinct)
    return made


async def propose_exemption(
    tx: Transaction,
    caller: Principal,
    command: Command,
    applicant_id: str,
    exemption: ExemptionCreate,
    *,
    reason: str,
    today: date,
) -> ListChangeRow:
    """Propose that a customer is exempt from a rule for a time.

    Raises `NotFound` and `ExemptionTooLong`.
    """
    applicant = await find_applicant(tx, caller, applicant_id)
    check_exemption(exemption.first_day, exemption.last_day, await policy_of_lists(tx), today)
    made, is_new = await _propose(
        tx, caller, command, "exempt", on_list=None, reason=reason, entries=1
    )
    if is_new:
        await ListRepository(tx).exempt(
            made.id, applicant.id, exemption.rule, exemption.first_day, exemption.last_day
        )
    return made


async def propose_end(
    tx: Transaction,
    caller: Principal,
    command: Command,
    applicant_id: str,
    exemption_id: str,
    *,
    reason: str,
) -> ListChangeRow:
    """Propose that an exemption ends now; raises `NotFound` for one that does not last."""
    known = await exemptions_of(tx, caller, applicant_id)
    if not any(one.id == exemption_id and one.lasts for one in known):
        raise NotFound("exemption that lasts")
    made, is_new = await _propose(
        tx, caller, command, "end_exemption", on_list=None, reason=reason, entries=1
    )
    if is_new:
        await ListRepository(tx).end_exemption(made.id, exemption_id)
    return made


async def confirm_change(tx: Transaction, caller: Principal, change_id: str) -> ListChangeRow:
    """Let what somebody else proposed count from now on, once.

    Raises `NotFound`, `SecondPersonNeeded` and `ChangeDecided`.
    """
    change = await _open_change(tx, change_id)
    if change.proposed_by == caller.actor:
        raise SecondPersonNeeded("another person than who proposed the change confirms it")
    return await _decide(tx, caller, change, "confirmed")


async def refuse_change(tx: Transaction, caller: Principal, change_id: str) -> ListChangeRow:
    """Turn a change down, or take an own one back; raises `NotFound` and `ChangeDecided`."""
    return await _decide(tx, caller, await _open_change(tx, change_id), "refused")


async def exemptions_of(
    tx: Transaction, caller: Principal, applicant_id: str
) -> Sequence[ExemptionRow]:
    """Return a customer's exemptions, the newest first; raises `NotFound`."""
    applicant = await find_applicant(tx, caller, applicant_id)
    rows = await ListRepository(tx).exemptions(applicant.id)
    return await with_handles(tx, rows, "proposed_by", "decided_by")


async def standing_of(
    tx: Transaction, applicant_id: str, keys: PersonKeys, on: date
) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Return the facts `list_black`, `list_grey`, `list_white`, and the rules that do not count.

    The facts are the kinds of keys by which the person is on each list. One statement.
    """
    found = await ListRepository(tx).standing(applicant_id, keys, on)
    return dict(list_facts(found.listed)), found.exempt


async def _propose(
    tx: Transaction,
    caller: Principal,
    command: Command,
    action: ChangeAction,
    *,
    on_list: ListName | None,
    reason: str,
    entries: int,
) -> tuple[ListChangeRow, bool]:
    """Return the change of a command, and whether it was recorded just now."""
    change_id = command.new_id("lch")
    made = await ListChangeRepository(tx).propose(
        change_id, action, on=on_list, reason=reason, entries=entries, by=caller.actor
    )
    if made is None:
        return await _change(tx, change_id), False
    await _audit(tx, caller, "propose_list_change", made, reason=reason, entries=entries)
    return made, True


async def _change(tx: Transaction, change_id: str) -> ListChangeRow:
    require_id(change_id, "lch", "change")
    change = await ListChangeRepository(tx).get(change_id)
    if change is None:
        raise NotFound("change")
    return change


async def _open_change(tx: Transaction, change_id: str) -> ListChangeRow:
    """Return a change that waits for a decision, locked."""
    require_id(change_id, "lch", "change")
    change = await ListChangeRepository(tx).for_update(change_id)
    if change is None:
        raise NotFound("change")
    if change.state != "open":
        raise ChangeDecided(f"the change is {change.state} already")
    return change


async def _decide(
    tx: Transaction, caller: Principal, change: ListChangeRow, state: ChangeState
) -> ListChangeRow:
    decided = await ListChangeRepository(tx).decide(change.id, state, caller.actor)
    await _audit(tx, caller, "decide_list_change", decided, state=state)
    return decided


async def _audit(
    tx: Transaction, caller: Principal, act: str, change: ListChangeRow, **detail: Any
) -> None:
    told = {"action": change.action, "list": change.list, **detail}
    await AuditRepository(tx).add_by(caller, act, f"list_change:{change.id}", detail=told)
