"""How often a person was wrong about an element, over all applications, channels and lines."""

from datetime import datetime, timedelta
from typing import Final

from domain.verification.elements import ElementKind
from domain.verification.limits import LOOK_BACK, WINDOW, Tries
from storage.common.repository import Repository

_GIVEN_UP: Final = timedelta(minutes=2)
"""For so long the question of an application that has ended may still be out."""

# Elements of the same person: by applicant, by the applicant's verified number in any channel, and
# by the number that an element asks about, whoever submitted it.
_TRIED: Final = (
    "with tried as ("
    " select e.id from applicants me join applicants p on p.id = me.id"
    " or p.identity_number_idx in (me.identity_number_idx, $3)"
    " join applications a on a.applicant_id = p.id"
    " join elements e on e.application_id = a.id and e.kind = $2 where me.id = $1"
    " union select e.id from element_subjects s join elements e on e.id = s.element_id"
    " where e.kind = $2 and s.identity_number_idx = coalesce($3,"
    " (select identity_number_idx from applicants where id = $1)))"
)


class ElementTryRepository(Repository):
    """The tries of persons, counted from the verifications."""

    async def of(
        self,
        kind: ElementKind,
        application_id: str,
        applicant_id: str,
        identity_number: str | None,
        now: datetime,
    ) -> Tries:
        """Return the tries of an applicant, and of anybody about `identity_number`.

        Tries of the application itself are not under way: that it has one at a time is seen to by
        its process. A try that was given up counts for as long as its question may still be out.
        """
        subject = None if identity_number is None else self._index(identity_number)
        wrong = await self._connection.fetch(
            f"{_TRIED} select v.verified_at from tried join verifications v"  # noqa: S608 -- constant
            " on v.element_id = tried.id where v.verdict = 'mismatch' and v.verified_at > $4",
            applicant_id,
            kind,
            subject,
            now - LOOK_BACK,
        )
        under_way: int = await self._connection.fetchval(
            f"{_TRIED} select count(distinct e.application_id) from tried"  # noqa: S608 -- constant
            " join elements e on e.id = tried.id join applications a on a.id = e.application_id"
            " where e.application_id <> $4 and e.submitted_at > $5"
            " and (a.state not in ('rejected', 'withdrawn', 'expired')"
            " or e.submitted_at > $6)"
            " and not exists (select from verifications v where v.element_id = e.id)"
            " and not exists (select from element_endings x where x.element_id = e.id)"
            " and not exists (select from captures c where c.element_id = e.id"
            " and c.state = 'ended') and not exists (select from elements later"
            " where later.application_id = e.application_id and later.kind = e.kind"
            " and later.attempt > e.attempt)",
            applicant_id,
            kind,
            subject,
            application_id,
            now - WINDOW,
            now - _GIVEN_UP,
        )
        return Tries([record["verified_at"] for record in wrong], under_way)

    async def name(self, element_id: str, identity_number: str) -> None:
        """Record whose number an element asks about; a repeat changes nothing."""
        await self._insert(
            "element_subjects",
            element_id=element_id,
            identity_number_idx=self._index(identity_number),
        )

    def _index(self, identity_number: str) -> bytes:
        return self._blind_index.of("identity_number", identity_number)
