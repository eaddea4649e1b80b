"""The staff directory: people with roles, teams, skills and deputies."""

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from api.http.schemas import Body, ResponseBody
from domain.common.calendar import Day
from domain.common.typed_text import Typed
from domain.people.principals import StaffRole
from domain.people.staff import Handle, PersonState, Skill, TeamCode

Name = Annotated[Typed, Field(min_length=1, max_length=100, description="stored encrypted")]


class PersonCreate(Body):
    """A new person. The handle is what tokens name: no name, no e-mail address."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"handle": "reviewer-7", "name": "Lin Example", "roles": ["reviewer"], "skills": []}
            ]
        }
    )

    handle: Handle
    name: Name
    roles: tuple[StaffRole, ...] = Field(default=(), max_length=4)
    skills: tuple[Skill, ...] = Field(default=(), max_length=50)


class SkillsBody(Body):
    """What a person can do, in place of what was recorded."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"skills": ["fraud", "mandarin"]}]})

    skills: tuple[Skill, ...] = Field(max_length=50)


class DeputyBody(Body):
    """Who acts in a person's roles from one day to another, both included."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"deputy_id": "stf_...", "first_day": "2026-07-01", "last_day": "2026-07-14"}
            ]
        }
    )

    deputy_id: str
    first_day: Day
    last_day: Day


class TeamCreate(Body):
    """A new team."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "fraud", "name": "Fraud desk"}]}
    )

    code: TeamCode
    name: Annotated[str, Field(min_length=1, max_length=100)]


class TeamResponse(ResponseBody):
    """A team."""

    code: str
    name: str


class DeputyResponse(ResponseBody):
    """Who stands in, and the id by which that is withdrawn."""

    id: str
    deputy_id: str
    first_day: date
    last_day: date


class PersonSummary(ResponseBody):
    """A person as the list shows them."""

    id: str
    handle: str
    name: str
    state: PersonState
    branch: str
    roles: tuple[StaffRole, ...]
    teams: tuple[str, ...]
    skills: tuple[str, ...]
    created_at: datetime
    left_at: datetime | None


class PersonResponse(PersonSummary):
    """A person with who stands in for them."""

    deputies: list[DeputyResponse]
