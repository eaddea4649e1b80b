# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Applications: what was asked for and their states."""

from datetime import date, datetime
from typing import Final

from domain.applications.application import ApplicationState, Rejection, Waiting
from messages.applications import StartApplication
from storage.common.repository import TableRepository
from storage.common.rows import Cursor, RefName, Row

_VERSIONS: Final = {"product_ref", "element_policies_ref"}
"""A repeat keeps to those in force when the application was recorded."""

_NOT_OVER: Final = (
    "join applications a on a.applicant_id = p.id left join lines l on l.application_id = a.id"
    " where a.product = $2 and a.id <> $3"
    " and (a.state not in ('accepted', 'rejected', 'withdrawn', 'expired')"
    " or a.state = 'accepted' and l.state in ('active', 'frozen'))"
)


class ApplicationCreate(Row):
    """What is applied for. `amount` in minor units.

    `product_ref` and `element_policies_ref` name the versions that are agreed when it begins.
    """

    id: str
    applicant_id: str
    product: str
    channel: str
    currency: str
    amount: int
    instalments: int
    created_by: str
    product_ref: RefName
    element_policies_ref: RefName


class ApplicationRow(ApplicationCreate):
    """An application, and its state; `state_seq` counts the workflow's states."""

    state: ApplicationState
    waiting: Waiting
    reject_code: str | None
    reapply_on: date | None
    state_seq: int
    created_at: datetime
    changed_at: datetime

    @property
    def rejection(self) -> Rejection | None:
        """Return why it was refused, if it was."""
        if self.reject_code is None:
            return None
        return Rejection(code=self.reject_code, reapply_on=self.reapply_on)


class ApplicationRepository(TableRepository[ApplicationRow]):
    """What was asked for, once an application, and the state that its process last recorded."""

    table = "applications"
    row = ApplicationRow

    async def insert(self, start: StartApplication, *, created_by: str) -> ApplicationRow:
        """Record a new application; a repeat returns the recorded one.

        It keeps the versions under which it was recorded, whatever is in force at the repeat.
        Raises `IdempotencyMismatch` when the id was recorded with other fields.
        """
        new = ApplicationCreate(
            id=start.application_id,
            applicant_id=start.applicant_id,
            product=start.product.code,
            channel=start.channel,
            currency=start.currency,
            amount=start.amount,
            instalments=start.instalments,
            created_by=created_by,
            product_ref=str(start.product.product.ref),
            element_policies_ref=str(start.product.elements.ref),
        )
        return await self._insert_once(
            new,
            same=tuple(ApplicationCreate.model_fields.keys() - _VERSIONS),
            state=ApplicationState.COLLECTING,
            waiting=Waiting.APPLICANT,
        )

    async def set_state(
        self,
        application_id: str,
        state: ApplicationState,
        waiting: Waiting,
        state_seq: int,
        at: datetime,
        *,
        reject_code: str | None = None,
        reapply_on: date | None = None,
    ) -> bool:
        """Record a state; False, and nothing changes, unless `state_seq` is newer.

        Of two states with one number the first came from a workflow task that was lost after it
        had written: the second is what the process went on with. A final state stays.
        """
        return await self._changed(
            "update applications set state = $2, waiting = $3, state_seq = $4, changed_at = $5,"
            " reject_code = $6, reapply_on = $7 where id = $1 and (state_seq < $4"
            " or state_seq = $4 and state <> $2 and state <> all($8::text[]))",
            application_id,
            state,
            waiting,
            state_seq,
            at,
            reject_code,
            reapply_on,
            [state for state in ApplicationState if state.is_final],
        )

    async def page(
        self,
        after: Cursor | None,
        limit: int,
        *,
        channel: str | None = None,
        applicant_id: str | None = None,
        state: ApplicationState | None = None,
        waiting: Waiting | None = None,
        product: str | None = None,
    ) -> list[ApplicationRow]:
        """Return applications from the newest on, ordered by `created_at` and id."""
        return await self._page(
            self.row,
            self._select,
            after=after,
            limit=limit,
            filters={
                "channel = {}": channel,
                "applicant_id = {}": applicant_id,
                "state = {}": state,
                "waiting = {}": waiting,
                "product = {}": product,
            },
        )

    async def pending_of(
        self, applicant_id: str, product: str, *, except_for: str
    ) -> ApplicationRow | None:
        """Return a person's application for a product that is not over, None if all are.

        An accepted one is over when its line is used, expired or closed. The person is the
        applicant, and whoever was verified to have the same identity number in any channel.
        """
        return await self._one(
            ApplicationRow,
            f"select a.* from applicants me join applicants p on p.id = me.id"
            " or p.identity_number_idx = me.identity_number_idx"
            f" {_NOT_OVER} and me.id = $1 order by a.created_at limit 1",
            applicant_id,
            product,
            except_for,
        )

    async def decided_before(
        self, identity_number: str, product: str, *, except_for: str
    ) -> ApplicationRow | None:
        """Return a person's application that is not over and was decided, not rejected.

        The person is found by the keyed index of the identity number, in whatever channel.
        """
        return await self._one(
            ApplicationRow,
            f"select a.* from applicants p {_NOT_OVER}"
            " and p.identity_number_idx = $1 and exists (select from decisions d"
            " where d.application_id = a.id and d.outcome <> 'reject')"
            " order by a.created_at limit 1",
            self._blind_index.of("identity_number", identity_number),
            product,
            except_for,
        )

    async def lock_until(self, identity_number: str, *, except_for: str) -> Rejection | None:
        """Return the rejection that keeps this person away longest, None if there is none.

        The person is found by the keyed index of the identity number, in whatever channel;
        `except_for` is the application that asks. A rejection that is appealed still counts.
        """
        record = await self._connection.fetchrow(
            "select coalesce(a.reject_code, appeal.reject_code) as reject_code,"
            " coalesce(a.reapply_on, appeal.reapply_on) as reapply_on from applications a"
            " join applicants on applicants.id = a.applicant_id"
            " left join appeals appeal on appeal.application_id = a.id and a.state = 'in_review'"
            " where identity_number_idx = $1 and a.id <> $2 and (a.state = 'rejected'"
            " and a.reapply_on is not null or appeal.reapply_on is not null)"
            " order by 2 desc limit 1",
            self._blind_index.of("identity_number", identity_number),
            except_for,
        )
        if record is None:
            return None
        return Rejection(code=record["reject_code"], reapply_on=record["reapply_on"])
