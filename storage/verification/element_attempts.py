"""How often a person was wrong about an element, over all applications, channels and lines."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from domain.verification.elements import ElementKind
from domain.verification.limits import LOOK_BACK, WINDOW, Attempts
from storage.common.repository import Repository

_GIVEN_UP: Final = timedelta(minutes=2)
"""For so long the question of an application that has ended may still be out."""

# Elements of the same person: by applicant, by the applicant's verified number in any channel, and
# by the number that an element asks about, whoever submitted it.
_ATTEMPTS: Final = (
    "with asked as (select * from unnest($2::text[], $3::bytea[]) as asked (kind, subject)),"
    " tried as ("
    " select e.id, e.kind from asked join applicants me on me.id = $1 join applicants p"
    " on p.id = me.id or p.identity_number_idx in (me.identity_number_idx, asked.subject)"
    " join applications a on a.applicant_id = p.id"
    " join elements e on e.application_id = a.id and e.kind = asked.kind"
    " union select e.id, e.kind from asked join element_subjects s"
    " on s.identity_number_idx = coalesce(asked.subject,"
    " (select identity_number_idx from applicants where id = $1))"
    " join elements e on e.id = s.element_id and e.kind = asked.kind)"
    " select asked.kind, array(select v.verified_at from tried"
    " join verifications v on v.element_id = tried.id where tried.kind = asked.kind"
    " and v.verdict = 'mismatch' and v.verified_at > $4) as wrong,"
    " (select count(distinct e.application_id) from tried"
    " join elements e on e.id = tried.id join applications a on a.id = e.application_id"
    " where tried.kind = asked.kind and e.application_id <> $5 and e.submitted_at > $6"
    " and (a.state not in ('rejected', 'withdrawn', 'expired') or e.submitted_at > $7)"
    " and not exists (select from verifications v where v.element_id = e.id)"
    " and not exists (select from element_endings x where x.element_id = e.id)"
    " and not exists (select from data_imports c where c.element_id = e.id"
    " and c.state = 'ended') and not exists (select from elements later"
    " where later.application_id = e.application_id and later.kind = e.kind"
    " and later.attempt > e.attempt)) as under_way from asked"
)


class ElementAttemptRepository(Repository):
    """The attempts of persons, counted from the verifications."""

    async def of(
        self,
        subjects: Mapping[ElementKind, str | None],
        application_id: str,
        applicant_id: str,
        now: datetime,
    ) -> dict[ElementKind, Attempts]:
        """Return the attempts of an applicant at kinds, and of anybody about their identity number.

        Attempts of the application itself are not under way: its process sees to it that there is
        one at a time. One that was given up counts as long as its question may still be out.
        """
        records = await self._connection.fetch(
            _ATTEMPTS,
            applicant_id,
            list(subjects),
            [None if number is None else self._index(number) for number in subjects.values()],
            now - LOOK_BACK,
            application_id,
            now - WINDOW,
            now - _GIVEN_UP,
        )
        return {
            ElementKind(record["kind"]): Attempts(record["wrong"], record["under_way"])
            for record in records
        }

    async def name(self, subjects: Mapping[str, str]) -> None:
        """Record whose identity number each element asks about; a repeat changes nothing."""
        await self._connection.execute(
            "insert into element_subjects (element_id, identity_number_idx)"
            " select * from unnest($1::text[], $2::bytea[]) on conflict do nothing",
            list(subjects),
            [self._index(number) for number in subjects.values()],
        )

    def _index(self, identity_number: str) -> bytes:
        return self._blind_index.of("identity_number", identity_number)
