"""Consents of a proposal's signers: who was asked by which link, and who has signed what."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.common.definitions import DefinitionRef
from storage.common.repository import TableRepository
from storage.common.rows import RefName, Row

_TOKEN: Final = "scr_consents.token"  # noqa: S105 -- the name of a column


class InvitationState(StrEnum):
    """`unreachable`: the gateway will not send to this number."""

    OPEN = "open"
    SENT = "sent"
    UNREACHABLE = "unreachable"


class ScrConsentRow(Row):
    """What is known of one signer's consent, by place in the proposal.

    `template` names the version of the template by which the signer is invited.
    """

    id: str
    analysis_id: str
    signer: int
    state: InvitationState
    expires_at: datetime
    template: RefName | None
    text_version: str | None
    text_sha256: str | None
    signed_at: datetime | None


class ScrConsentRepository(TableRepository[ScrConsentRow]):
    """One consent for each signer of a proposal, found by the link that they were sent."""

    table = "scr_consents left join scr_signatures on consent_id = id"
    row = ScrConsentRow

    async def ask(
        self,
        consent_id: str,
        analysis_id: str,
        signer: int,
        token: str,
        expires_at: datetime,
        template: DefinitionRef,
    ) -> ScrConsentRow | None:
        """Record that a signer is asked; a repeat keeps the first token, instant and template."""
        await self._insert(
            "scr_consents",
            id=consent_id,
            analysis_id=analysis_id,
            signer=signer,
            token_hash=_digest(token),
            token_enc=self._encrypt(_TOKEN, consent_id, token),
            expires_at=expires_at,
            template=template,
        )
        return await self.get(consent_id)

    async def token(self, consent_id: str) -> str | None:
        """Return the token while the message with it is not sent, None after that."""
        encrypted = await self._connection.fetchval(
            "select token_enc from scr_consents where id = $1", consent_id
        )
        return self._decrypt_if_any(_TOKEN, consent_id, encrypted)

    async def invited(self, consent_id: str, state: InvitationState) -> bool:
        """Record that the message is sent or cannot be, and forget the token; False if it was."""
        return await self._changed(
            "update scr_consents set state = $2, token_enc = null where id = $1 and state = 'open'",
            consent_id,
            state,
        )

    async def of_token(self, token: str) -> ScrConsentRow | None:
        """Return the consent that a link is for, None if there is no such link."""
        return await self._find("token_hash = $1", _digest(token))

    async def of(self, analysis_id: str) -> list[ScrConsentRow]:
        """Return the consents of an analysis in the order of its signers."""
        return await self._list("analysis_id = $1 order by signer", analysis_id)

    async def sign(
        self, consent_id: str, *, text_version: str, text_sha256: str, at: datetime
    ) -> bool:
        """Record a signature; False if there is one: the first stays."""
        return await self._insert(
            "scr_signatures",
            consent_id=consent_id,
            text_version=text_version,
            text_sha256=text_sha256.lower(),
            signed_at=at,
        )


def _digest(token: str) -> bytes:
    """Return what is kept of a token: it is too random to be guessed from its digest."""
    return hashlib.sha256(token.encode()).digest()
