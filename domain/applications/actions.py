"""What may be done with an application in each state: one table for the process and for answers."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.applications.application import ApplicationState


class ApplicationAction(StrEnum):
    """What an applicant or a reviewer can do."""

    PROVIDE_ELEMENTS = "provide_elements"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    APPEAL = "appeal"
    ACCEPT_OFFER = "accept_offer"
    APPROVE = "approve"
    REJECT = "reject"
    REQUEST_SUPPLEMENT = "request_supplement"


_IN_REVIEW: Final = (ApplicationState.IN_REVIEW,)

POSSIBLE_IN: Final[Mapping[ApplicationAction, tuple[ApplicationState, ...]]] = MappingProxyType(
    {
        ApplicationAction.PROVIDE_ELEMENTS: (ApplicationState.COLLECTING,),
        ApplicationAction.SUBMIT: (ApplicationState.COLLECTING, ApplicationState.DECIDING),
        ApplicationAction.WITHDRAW: (
            ApplicationState.COLLECTING,
            ApplicationState.DECIDING,
            ApplicationState.IN_REVIEW,
            ApplicationState.OFFERED,
        ),
        ApplicationAction.APPEAL: (ApplicationState.REJECTED,),
        ApplicationAction.ACCEPT_OFFER: (ApplicationState.OFFERED,),
        ApplicationAction.APPROVE: _IN_REVIEW,
        ApplicationAction.REJECT: _IN_REVIEW,
        ApplicationAction.REQUEST_SUPPLEMENT: _IN_REVIEW,
    }
)


def possible_actions(
    state: ApplicationState, *, may_provide: bool, lacks_elements: bool, may_appeal: bool
) -> tuple[ApplicationAction, ...]:
    """Return what may be done now.

    `may_provide` says that there is an element to provide, `lacks_elements` that the applicant has
    to provide one before a decision can be asked for, `may_appeal` that a rejection can be.
    """
    hindered = {
        ApplicationAction.PROVIDE_ELEMENTS: not may_provide,
        ApplicationAction.SUBMIT: lacks_elements,
        ApplicationAction.APPEAL: not may_appeal,
    }
    return tuple(
        action
        for action, states in POSSIBLE_IN.items()
        if state in states and not hindered.get(action, False)
    )
