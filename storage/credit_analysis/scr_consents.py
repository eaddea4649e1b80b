"""Consents of a proposal's signers: who was asked by which link, and who has signed what."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Final

from storage.common.repository import Repository
from storage.common.rows import Row

_SELECT: Final = (
    "select c.id, c.analysis_id, c.signer, c.state, c.expires_at, s.text_version, s.text_sha256,"
    " s.signed_at from scr_consents c left join scr_signatures s on s.consent_id = c.id"
)


class InvitationState(StrEnum):
    """`unreachable`: the gateway will not send to this number."""

    OPEN = "open"
    SENT = "sent"
    UNREACHABLE = "unreachable"


class ScrConsentRow(Row):
    """What is known of one signer's consent, by place in the proposal."""

    id: str
    analysis_id: str
    signer: int
    state: InvitationState
    expires_at: datetime
    text_version: str | None
    text_sha256: str | None
    signed_at: datetime | None


class ScrConsentRepository(Repository):
    """The consents."""

    async def ask(
        self, consent_id: str, analysis_id: str, signer: int, token: str, expires_at: datetime
    ) -> ScrConsentRow | None:
        """Record that a signer is asked; a repeat keeps the first token and instant."""
        await self._connection.execute(
            "insert into scr_consents (id, analysis_id, signer, token_hash, token_enc, expires_at)"
            " values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
            consent_id,
            analysis_id,
            signer,
            _digest(token),
            self._keyring.encrypt(token.encode(), _place(consent_id)),
            expires_at,
        )
        return await self._one(ScrConsentRow, f"{_SELECT} where c.id = $1", consent_id)

    async def token(self, consent_id: str) -> str | None:
        """Return the token while the message with it is not sent, None after that."""
        sealed = await self._connection.fetchval(
            "select token_enc from scr_consents where id = $1", consent_id
        )
        if sealed is None:
            return None
        return self._keyring.decrypt(sealed, _place(consent_id)).decode()

    async def invited(self, consent_id: str, state: InvitationState) -> bool:
        """Record that the message is sent or cannot be, and forget the token; False if it was."""
        changed = await self._connection.fetchval(
            "update scr_consents set state = $2, token_enc = null"
            " where id = $1 and state = 'open' returning true",
            consent_id,
            state,
        )
        return changed is True

    async def of_token(self, token: str) -> ScrConsentRow | None:
        """Return the consent that a link is for, None if there is no such link."""
        return await self._one(ScrConsentRow, f"{_SELECT} where c.token_hash = $1", _digest(token))

    async def of(self, analysis_id: str) -> list[ScrConsentRow]:
        """Return the consents of an analysis in the order of its signers."""
        return await self._all(
            ScrConsentRow, f"{_SELECT} where c.analysis_id = $1 order by c.signer", analysis_id
        )

    async def sign(
        self, consent_id: str, *, text_version: str, text_sha256: str, at: datetime
    ) -> bool:
        """Record a signature; False if there is one: the first stays."""
        added = await self._connection.fetchval(
            "insert into scr_signatures (consent_id, text_version, text_sha256, signed_at)"
            " values ($1, $2, $3, $4) on conflict do nothing returning true",
            consent_id,
            text_version,
            text_sha256.lower(),
            at,
        )
        return added is True


def _digest(token: str) -> bytes:
    """Return what is kept of a token: it is too random to be guessed from its digest."""
    return hashlib.sha256(token.encode()).digest()


def _place(consent_id: str) -> bytes:
    return f"scr_consents.token:{consent_id}".encode()
