"""What customers are told, and what each message can say.

The one list: a new message is a purpose here and a template in `catalogue/message_template`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class MessageChannel(StrEnum):
    """How a message travels."""

    SMS = "sms"
    EMAIL = "email"
    PUSH = "push"


class FieldType(StrEnum):
    """What a variable of a template is; how it is written depends on the language."""

    MONEY = "money"
    DAY = "day"
    INSTANT = "instant"
    NUMBER = "number"
    REFERENCE = "reference"
    REASON = "reason"
    LINK = "link"
    TEXT = "text"


class MessagePurpose(StrEnum):
    """What a message is sent for; it decides which variables its template can have."""

    APPLICATION_REMINDER = "application_reminder"
    COLLECTIONS = "collections"
    SIGNER_INVITATION = "signer_invitation"
    APPLICATION_APPROVED = "application_approved"
    OFFER_LOWERED = "offer_lowered"
    APPLICATION_REJECTED = "application_rejected"
    APPLICANT_LOCKED = "applicant_locked"
    SUPPLEMENT_REQUESTED = "supplement_requested"
    OFFER_ENDING = "offer_ending"
    CONTRACT_READY = "contract_ready"
    MONEY_SENT = "money_sent"
    PAYMENT_RECEIVED = "payment_received"
    DEBIT_FAILED = "debit_failed"
    LOAN_SETTLED = "loan_settled"
    LOAN_ACCELERATED = "loan_accelerated"
    DUE_DATES_MOVED = "due_dates_moved"
    PREAPPROVAL_GRANTED = "preapproval_granted"


VARIABLES: Final[Mapping[MessagePurpose, Mapping[str, FieldType]]] = {
    MessagePurpose.APPLICATION_REMINDER: {
        "missing": FieldType.NUMBER,
        "application": FieldType.REFERENCE,
    },
    MessagePurpose.COLLECTIONS: {
        "days_past_due": FieldType.NUMBER,
        "contract": FieldType.REFERENCE,
    },
    MessagePurpose.SIGNER_INVITATION: {"link": FieldType.LINK, "until": FieldType.TEXT},
    MessagePurpose.APPLICATION_APPROVED: {
        "application": FieldType.REFERENCE,
        "amount": FieldType.MONEY,
        "until": FieldType.INSTANT,
    },
    MessagePurpose.OFFER_LOWERED: {
        "application": FieldType.REFERENCE,
        "amount": FieldType.MONEY,
        "asked": FieldType.MONEY,
        "until": FieldType.INSTANT,
    },
    MessagePurpose.APPLICATION_REJECTED: {
        "application": FieldType.REFERENCE,
        "reason": FieldType.REASON,
        "reapply_on": FieldType.DAY,
    },
    MessagePurpose.APPLICANT_LOCKED: {
        "application": FieldType.REFERENCE,
        "reapply_on": FieldType.DAY,
    },
    MessagePurpose.SUPPLEMENT_REQUESTED: {
        "application": FieldType.REFERENCE,
        "missing": FieldType.NUMBER,
        "until": FieldType.INSTANT,
    },
    MessagePurpose.OFFER_ENDING: {
        "application": FieldType.REFERENCE,
        "amount": FieldType.MONEY,
        "until": FieldType.INSTANT,
    },
    MessagePurpose.CONTRACT_READY: {
        "contract": FieldType.REFERENCE,
        "amount": FieldType.MONEY,
    },
    MessagePurpose.MONEY_SENT: {"contract": FieldType.REFERENCE, "amount": FieldType.MONEY},
    MessagePurpose.PAYMENT_RECEIVED: {"contract": FieldType.REFERENCE, "amount": FieldType.MONEY},
    MessagePurpose.DEBIT_FAILED: {"contract": FieldType.REFERENCE, "amount": FieldType.MONEY},
    MessagePurpose.LOAN_SETTLED: {"contract": FieldType.REFERENCE, "settled_on": FieldType.DAY},
    MessagePurpose.LOAN_ACCELERATED: {
        "contract": FieldType.REFERENCE,
        "amount": FieldType.MONEY,
        "due_on": FieldType.DAY,
    },
    MessagePurpose.DUE_DATES_MOVED: {
        "contract": FieldType.REFERENCE,
        "moved": FieldType.NUMBER,
        "due_on": FieldType.DAY,
    },
    MessagePurpose.PREAPPROVAL_GRANTED: {"amount": FieldType.MONEY, "until": FieldType.DAY},
}
"""What a message for a purpose can say: its variables and what they are.

A `reapply_on` may be None: whoever was rejected may apply again at any time.
"""

INDISPENSABLE: Final[Mapping[MessagePurpose, tuple[str, ...]]] = {
    MessagePurpose.SIGNER_INVITATION: ("link",),
    MessagePurpose.APPLICATION_REJECTED: ("reason", "reapply_on"),
    MessagePurpose.APPLICANT_LOCKED: ("reapply_on",),
    MessagePurpose.LOAN_ACCELERATED: ("amount", "due_on"),
    MessagePurpose.DUE_DATES_MOVED: ("due_on",),
}
"""Variables without which a message of a purpose is for nothing, or not what the law asks for."""

_SENT_BY_THEIR_PROCESS: Final = frozenset(
    {
        MessagePurpose.APPLICATION_REMINDER,
        MessagePurpose.COLLECTIONS,
        MessagePurpose.SIGNER_INVITATION,
    }
)

NOTICES: Final = tuple(one for one in MessagePurpose if one not in _SENT_BY_THEIR_PROCESS)
"""What goes through the outbox of messages; its template has the purpose's name for its code.

The others are steps of a process, which waits for their outcome and has a record of its own.
"""

MARKETING: Final = frozenset({MessagePurpose.PREAPPROVAL_GRANTED})
"""Nobody asked for these: they keep to the contact hours."""

LANGUAGES: Final[Mapping[MessagePurpose, tuple[str, ...]]] = {
    purpose: ("en", "pt") if purpose is MessagePurpose.SIGNER_INVITATION else ("zh", "en")
    for purpose in MessagePurpose
}
"""The languages that every channel of a template is written in, whatever others it has."""

HOME_LANGUAGE: Final = "zh"
"""What people are written in who chose no other language."""

HOME_ZONE: Final = "Asia/Shanghai"
"""Where our borrowers and applicants read a clock."""
