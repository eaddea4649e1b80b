"""Asking a proposal's signers for their consent: each gets a link of their own, once."""

import secrets
from dataclasses import dataclass
from typing import Final

import structlog

from activities.common.performing import performs
from activities.common.refusals import found
from domain.credit_analysis.proposal import Signer, signers_of
from domain.messaging.templates import MESSAGE_TEMPLATE, SIGNER_INVITATION, MessageTemplate
from messages import calls, ids
from messages.credit_analysis import (
    AboutAnalysis,
    InviteSigner,
    SignaturesCounted,
    SignerInvited,
)
from providers.http.breaker import REFUSES_US
from providers.http.client import Client
from providers.http.errors import ProviderRejected
from providers.messaging import MessageRequest
from storage.common.audit import AuditRepository
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import CreditAnalysisRepository
from storage.credit_analysis.scr_consents import (
    InvitationState,
    ScrConsentRepository,
    ScrConsentRow,
)
from storage.database import Database
from storage.definitions import DefinitionRepository

PATH: Final = "/credit_analysis/consents"

_TOKEN_BYTES: Final = 32
_OURS_TO_MEND: Final = REFUSES_US | {"message_conflict"}
"""Refusals that do not speak of the signer's number: the message is sent again."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class ScrConsents:
    """What asking for consent needs. `public_url` is where signers reach our API."""

    database: Database
    providers: Client
    public_url: str

    @performs(calls.INVITE_SIGNER)
    async def invite_signer(self, request: InviteSigner) -> SignerInvited:
        """Send a signer the link to the consent, unless it was sent; a repeat sends the same."""
        consent_id = ids.derived_id("con", request.analysis_id, str(request.signer))
        async with self.database.transaction() as tx:
            consent = await _asked(tx, consent_id, request)
            token = await ScrConsentRepository(tx).token(consent_id)
            template = await DefinitionRepository(tx).of_ref(MESSAGE_TEMPLATE, consent.template)
            signer = await _signer(tx, request)
        if token is None:
            return _invited(consent.state)
        state = await self._send(consent, signer, token, template.content)
        async with self.database.transaction() as tx:
            if await ScrConsentRepository(tx).invited(consent_id, state):
                await _told(tx, consent, state)
        return _invited(state)

    @performs(calls.COUNT_SIGNATURES)
    async def count_signatures(self, request: AboutAnalysis) -> SignaturesCounted:
        """Return how many have signed, as recorded."""
        async with self.database.read() as tx:
            consents = await ScrConsentRepository(tx).of(request.analysis_id)
        return SignaturesCounted(given=sum(consent.signed_at is not None for consent in consents))

    async def _send(
        self, consent: ScrConsentRow, signer: Signer, token: str, template: MessageTemplate
    ) -> InvitationState:
        request = MessageRequest(
            message_id=consent.id,
            mobile=_international(signer),
            template=template.by_sms.provider_template,
            variables=template.filled(
                {
                    "link": f"{self.public_url.rstrip('/')}{PATH}/{token}",
                    "until": f"{consent.expires_at:%Y-%m-%dT%H:%M:%SZ}",
                }
            ),
        )
        try:
            await self.providers.call(request, request_id=consent.id)
        except ProviderRejected as error:
            if error.code in _OURS_TO_MEND:
                raise
            _log.warning("signer_not_reached", consent_id=consent.id, code=error.code)
            return InvitationState.UNREACHABLE
        return InvitationState.SENT


async def _asked(tx: Transaction, consent_id: str, request: InviteSigner) -> ScrConsentRow:
    """Return the consent as it is recorded, with token and template of the first attempt."""
    template = await DefinitionRepository(tx).in_force(MESSAGE_TEMPLATE, SIGNER_INVITATION)
    consent = await ScrConsentRepository(tx).ask(
        consent_id,
        request.analysis_id,
        request.signer,
        secrets.token_urlsafe(_TOKEN_BYTES),
        request.expires_at,
        template.ref,
    )
    return found(consent, f"consent {consent_id}")


async def _signer(tx: Transaction, request: InviteSigner) -> Signer:
    stored = found(
        await CreditAnalysisRepository(tx).document(request.analysis_id),
        f"analysis {request.analysis_id}",
    )
    signers = signers_of(stored.proposal)
    if request.signer >= len(signers):
        raise RecordMissing(f"no signer {request.signer} of {request.analysis_id} on record")
    return signers[request.signer]


async def _told(tx: Transaction, consent: ScrConsentRow, state: InvitationState) -> None:
    await AuditRepository(tx).add(
        actor="process",
        role="system",
        action="ask_for_scr_consent",
        subject=ids.credit_analysis_workflow(consent.analysis_id),
        outcome=state.value,
        detail={"consent_id": consent.id, "signer": consent.signer},
        key=f"scr_consent:{consent.id}:asked",
    )


def _invited(state: InvitationState) -> SignerInvited:
    return SignerInvited(reached=state is InvitationState.SENT)


def _international(signer: Signer) -> str:
    phone = signer.phone
    return f"+{phone.international_dial_code}{phone.area_code}{phone.number}"
