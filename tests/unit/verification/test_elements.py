"""Forms that applicants provide."""

import base64

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.verification.elements import (
    Element,
    IdentityCard,
    Liveness,
    PersonalInformation,
)
from sandbox import pictures
from sandbox.personas import person


def element(**fields: object) -> object:
    adapter: TypeAdapter[object] = TypeAdapter(Element)
    return adapter.validate_python(fields)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="kind"):
        element(kind="horoscope")


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        element(kind="operator", mobile="13888888888", carrier="x")


def test_an_image_must_be_base64_and_no_larger_than_two_megabytes() -> None:
    small = base64.b64encode(pictures.card_back(person("story")))
    assert element(kind="identity_card", front=small, back=small)
    with pytest.raises(ValidationError):
        element(kind="identity_card", front="not base64!", back=small)
    with pytest.raises(ValidationError):
        element(kind="identity_card", front=base64.b64encode(b"x" * 2_000_001), back=small)


def test_a_file_that_is_no_picture_is_refused_by_its_code_without_its_content() -> None:
    small = base64.b64encode(pictures.card_back(person("story")))
    with pytest.raises(ValidationError) as refused:
        element(kind="identity_card", front=base64.b64encode(b"GIF89a" + bytes(80)), back=small)
    (error,) = refused.value.errors(include_input=False)
    assert (error["type"], error["loc"]) == ("not_an_image", ("identity_card", "front"))
    assert "JPEG, PNG, WebP, HEIC or AVIF" in error["msg"]


def test_files_are_given_other_content_by_their_place_all_of_them() -> None:
    picture = pictures.face(person("story"))
    frame = base64.b64encode(picture)
    given = Liveness.model_validate({"actions": ["neutral"] * 2, "frames": [frame] * 2})
    assert dict(given.pictures) == {"frames.0": picture, "frames.1": picture}
    assert Liveness.model_validate_json(given.model_dump_json()) == given
    other = given.with_pictures({"frames.1": b"second", "frames.0": b"first"})
    assert other.frames == (b"first", b"second")
    card = IdentityCard(front=frame, back=frame)
    assert card.with_pictures({"back": b"b", "front": b"f"}).pictures == {
        "front": b"f",
        "back": b"b",
    }
    with pytest.raises(KeyError):
        given.with_pictures({"frames.0": b"first"})
    with pytest.raises(KeyError):
        card.with_pictures({"front": b"f"})


def test_two_contacts_are_asked_for() -> None:
    contact = {"name": "林大树", "relation": "parent", "mobile": "13888888888"}
    fields: dict[str, object] = {
        "kind": "personal_information",
        "education": "bachelor",
        "marital_status": "single",
        "occupation": "employee",
        "employer": "示例公司",
        "industry": "education",
        "employer_telephone": "010-65001234",
        "employer_address": "北京市朝阳区建国路一号",
        "employed_for": "3_to_7_years",
        "salary_by_card": True,
        "social_security": True,
        "monthly_income": 1_200_000,
        "address": "云南省昆明市五华区一号",
    }
    assert element(**fields, contacts=[contact, contact])
    with pytest.raises(ValidationError, match="contacts"):
        element(**fields, contacts=[contact])


def _faces(*actions: str, frames: int | None = None) -> dict[str, object]:
    frame = base64.b64encode(pictures.face(person("story"))).decode()
    return {"actions": actions, "frames": [frame] * (len(actions) if frames is None else frames)}


def test_the_first_frame_at_rest_is_the_face() -> None:
    given = Liveness.model_validate(_faces("blink", "neutral", "nod", "neutral"))
    marked = given.model_copy(update={"frames": (b"1", b"2", b"3", b"4")})
    assert marked.face == b"2"


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        (_faces("blink", "nod"), "at least one frame is neutral"),
        (_faces("neutral", "blink", frames=3), "one action a frame"),
        (_faces("neutral"), "at least 2"),
        (_faces(*["neutral"] * 21), "at most 20"),
        (_faces("neutral", "wink"), "'blink'"),
    ],
)
def test_frames_that_cannot_be_judged_are_refused(faces: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Liveness.model_validate(faces)


OCCUPATIONS: dict[str, dict[str, object]] = {
    "employee": {
        "employer": "示例公司",
        "industry": "manufacturing",
        "employer_telephone": "+86 871-65001234",
        "employer_address": "云南省昆明市五华区二号",
        "employed_for": "1_to_3_years",
        "salary_by_card": False,
        "social_security": True,
    },
    "self_employed": {"industry": "trade", "operating_years": 0, "monthly_turnover": 5_000_000},
    "business_owner": {
        "business_name": "示例商行",
        "industry": "hospitality",
        "operating_years": 12,
        "monthly_turnover": 0,
    },
    "freelance": {"industry": "culture_and_sport"},
    "student": {"school": "示例大学"},
    "none": {},
}


def _informed(occupation: str, **fields: object) -> dict[str, object]:
    contacts = [
        {"name": name, "relation": "friend", "mobile": mobile}
        for name, mobile in (("林大树", "13888888888"), ("林小树", "13899999999"))
    ]
    return {
        "education": "bachelor",
        "marital_status": "single",
        "occupation": occupation,
        "monthly_income": 1_200_000,
        "address": "云南省昆明市五华区一号",
        "contacts": contacts,
    } | fields


def _named(given: dict[str, object]) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as refused:
        PersonalInformation.model_validate(given)
    return [(str(one["loc"][0]), one["type"]) for one in refused.value.errors()]


@pytest.mark.parametrize("occupation", OCCUPATIONS)
def test_each_occupation_comes_with_its_own_fields(occupation: str) -> None:
    asked = OCCUPATIONS[occupation]
    given = PersonalInformation.model_validate(_informed(occupation, **asked))
    again = PersonalInformation.model_validate_json(given.model_dump_json())
    assert again == given
    for name in asked:
        without = {other: value for other, value in asked.items() if other != name}
        assert _named(_informed(occupation, **without)) == [(name, "missing_here")]
    every = {name: value for some in OCCUPATIONS.values() for name, value in some.items()}
    surplus = {(name, "surplus_here") for name in every if name not in asked}
    assert set(_named(_informed(occupation, **every | asked))) == surplus


def test_an_unknown_occupation_is_the_only_complaint() -> None:
    assert _named(_informed("astronaut")) == [("occupation", "literal_error")]


@pytest.mark.parametrize("number", ["12345", "650-CALL-ME", "65001234+", "1" * 16])
def test_what_is_no_telephone_is_refused(number: str) -> None:
    fields = OCCUPATIONS["employee"] | {"employer_telephone": number}
    assert _named(_informed("employee", **fields))[0][0] == "employer_telephone"
