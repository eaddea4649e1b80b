"""What a caller may do next with what was answered, so that no client need know our states.

The areas say what is possible (`domain`), the table of access which roles may do it.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import Field

from api.http.access import RULES
from api.http.schemas import ResponseBody
from domain.applications.actions import ApplicationAction
from domain.lines import DrawdownAction, LineAction
from domain.loans.actions import LoanAction, RepaymentAction
from domain.people.principals import Principal

ROUTES: Final[Mapping[StrEnum, tuple[str, str]]] = MappingProxyType(
    {
        ApplicationAction.PROVIDE_ELEMENTS: ("POST", "/v1/applications/{application_id}/elements"),
        ApplicationAction.SUBMIT: ("POST", "/v1/applications/{application_id}/submit"),
        ApplicationAction.WITHDRAW: ("POST", "/v1/applications/{application_id}/withdraw"),
        ApplicationAction.APPEAL: ("POST", "/v1/applications/{application_id}/appeal"),
        ApplicationAction.ACCEPT_OFFER: ("POST", "/v1/offers/{offer_id}/accept"),
        ApplicationAction.APPROVE: ("POST", "/v1/reviews/{application_id}/approve"),
        ApplicationAction.REJECT: ("POST", "/v1/reviews/{application_id}/reject"),
        ApplicationAction.REQUEST_SUPPLEMENT: ("POST", "/v1/reviews/{application_id}/supplement"),
        LineAction.QUOTE: ("POST", "/v1/lines/{line_id}/quotes"),
        LineAction.DRAW: ("POST", "/v1/lines/{line_id}/drawdowns"),
        DrawdownAction.READ_LOAN: ("GET", "/v1/loans/{loan_id}"),
        LoanAction.REPAY: ("POST", "/v1/loans/{loan_id}/repayments"),
        LoanAction.QUOTE_PAYOFF: ("POST", "/v1/loans/{loan_id}/payoff-quotes"),
        LoanAction.RECORD: ("POST", "/v1/loans/{loan_id}/records"),
        RepaymentAction.REPAY: ("POST", "/v1/loans/{loan_id}/repayments"),
    }
)
"""Where each action is taken."""


class NextAction(ResponseBody):
    """Something that the caller may do now."""

    action: str = Field(examples=["submit"])
    method: str = Field(examples=["POST"])
    path: str = Field(examples=["/v1/applications/app_06c2w8k3v5n9q1t7x4z2m6p8r0/submit"])


def next_actions(
    caller: Principal, possible: Iterable[StrEnum], **ids: str | None
) -> list[NextAction]:
    """Return those of the `possible` actions that the caller's role may take; `ids` fill paths."""
    found = ((action, *ROUTES[action]) for action in possible)
    return [
        NextAction(action=action.value, method=method, path=path.format(**ids))
        for action, method, path in found
        if caller.role in (RULES[method, path].roles or ())
    ]
