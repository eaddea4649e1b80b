"""The catalogue of elements, and the codes that applicants enter for them."""

from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field

from api.http.schemas import Body, ResponseBody
from domain.common.typed_text import cleaned, packed
from domain.people.consents import Purpose
from domain.verification.element_policies import OnMismatch, Stage
from domain.verification.elements import ElementKind
from domain.verification.liveness_challenge import Action


class ElementPolicyResponse(ResponseBody):
    """What a product asks for: when, with which fields, and under which consent.

    `imported` elements are fetched from their source in steps and may take hours.
    """

    kind: ElementKind
    asked: Stage
    fields: tuple[str, ...]
    consent: Purpose
    valid_for_days: int
    attempts: int
    mismatches: int
    on_mismatch: OnMismatch
    imported: bool


class LivenessChallengeResponse(ResponseBody):
    """What the face has to do, in this order, in the next liveness element of the application.

    It has to be given before `expires_at`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "attempt": 1,
                    "actions": ["shake", "blink"],
                    "expires_at": "2026-03-01T02:13:04Z",
                }
            ]
        }
    )

    attempt: int
    actions: tuple[Action, ...]
    expires_at: AwareDatetime


class CodeEntry(Body):
    """The code that a source sent to the applicant."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "123456"}]})

    code: Annotated[str, cleaned(packed)] = Field(pattern=r"^[0-9]{4,8}$")
