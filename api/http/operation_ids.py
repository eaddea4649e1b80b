"""Names of operations, as clients made from the OpenAPI document call them: `create_application`.

They follow from method and path, so that a new route has a good name without anybody's care:
`POST /v1/applications/{id}/submit` is `submit_application`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fastapi.routing import APIRoute

_VERBS: Final[Mapping[str, str]] = MappingProxyType(
    {"GET": "get", "POST": "create", "PUT": "set", "DELETE": "delete"}
)
_SINGULAR: Final[Mapping[str, str]] = MappingProxyType(
    {
        "credit_analyses": "credit_analysis",
        "entries": "entry",
        "deputies": "deputy",
        "staff": "staff_member",
    }
)
_ACTIONS: Final = frozenset(
    {
        *("accept", "approve", "check", "close", "draft", "end", "leave", "lift", "preview"),
        *("reject", "release", "reopen", "resend", "result", "retire", "review", "reverse"),
        *("rollback", "search", "submit", "supplement", "withdraw"),
    }
)
"""Last parts of paths that say what is done, not what there is."""

_NAMED: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("GET", "/metrics"): "get_metrics",
        ("POST", "/v1/applications/{application_id}/elements"): "provide_application_elements",
        (
            "POST",
            "/v1/applications/{application_id}/elements/{element_id}/code",
        ): "enter_application_element_code",
        ("POST", "/v1/lines/{line_id}/elements"): "provide_line_elements",
        ("POST", "/v1/lines/{line_id}/elements/{element_id}/code"): "enter_line_element_code",
        ("PUT", "/v1/users/{applicant_id}/tags"): "set_user_tags",
        ("PUT", "/v1/users/{applicant_id}/contact"): "set_user_contact",
        ("POST", "/v1/users/{applicant_id}/consents"): "give_user_consent",
        ("DELETE", "/v1/users/{applicant_id}/consents/{purpose}"): "revoke_user_consent",
        ("GET", "/v1/staff"): "list_staff",
        ("PUT", "/v1/staff/{person_id}/skills"): "set_staff_member_skills",
        ("POST", "/v1/staff/{person_id}/leave"): "mark_staff_member_left",
        ("GET", "/v1/loans/{loan_id}/statement.txt"): "print_loan_statement",
        ("PUT", "/v1/callbacks/qitech"): "receive_qitech_callback_by_put",
        ("GET", "/v1/applications/{application_id}/events"): "follow_application",
        ("GET", "/v1/loans/{loan_id}/events"): "follow_loan",
        ("POST", "/v1/collections/tasks/{task_id}/result"): "complete_collections_task",
        ("POST", "/v1/suspensions/{kind}/{code}"): "suspend",
        ("POST", "/v1/suspensions/{kind}/{code}/lift"): "lift_suspension",
        ("GET", "/credit_analysis/consents/{token}"): "get_scr_consent",
        ("POST", "/credit_analysis/consents/{token}"): "sign_scr_consent",
        ("POST", "/credit_analysis/legal_person"): "analyse_legal_person",
        ("POST", "/credit_analysis/natural_person"): "analyse_natural_person",
        ("GET", "/credit_analysis/{kind}/{proposal_id}"): "get_proposal",
        ("PUT", "/credit_analysis/{kind}/{proposal_id}"): "report_proposal_outcome",
    }
)
"""Operations whose path says less than their name should."""


def operation_id(route: APIRoute) -> str:
    """Return the name of a route's operation: a verb, then what it is done to."""
    method, path = sorted(route.methods or ())[0], route.path_format
    if (method, path) in _NAMED:
        return _NAMED[method, path]
    parts = [part.replace("-", "_") for part in path.split("/") if part and part != "v1"]
    if parts[0] == "callbacks":
        return f"receive_{_singular(parts[-1])}_callback"
    if parts[-1] in _ACTIONS:
        return "_".join((parts[-1], *_things(parts[:-1], last_is_one=True)))
    is_one = parts[-1].startswith("{")
    is_list = method == "GET" and not is_one and parts[-1].endswith("s")
    verb = "list" if is_list else _VERBS.get(method, method.lower())
    return "_".join((verb, *_things(parts, last_is_one=not is_list)))


def _things(parts: list[str], *, last_is_one: bool) -> list[str]:
    """Return what a path names, each but perhaps the last in the singular."""
    named = [part for part in parts if not part.startswith("{")]
    *before, last = named
    return [*map(_singular, before), _singular(last) if last_is_one else last]


def _singular(word: str) -> str:
    if word in _SINGULAR:
        return _SINGULAR[word]
    is_plural = word.endswith("s") and not word.endswith("ss")
    return word[:-1] if is_plural else word
