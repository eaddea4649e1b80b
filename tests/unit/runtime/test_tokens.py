"""Tokens of the settings: each belongs to one person or machine."""

from typing import Any

import pytest
from pydantic import ValidationError

from runtime.settings import Settings


def settings(*tokens: dict[str, str]) -> Settings:
    return Settings.model_validate({"tokens": list(tokens)})


def token(text: str, role: str, subject: str) -> dict[str, str]:
    return {"token": text, "role": role, "subject": subject}


def test_a_person_has_a_token_for_each_role() -> None:
    made = settings(token("a", "reviewer", "rita"), token("b", "ops", "rita"))
    assert [(one.role, one.subject) for one in made.tokens] == [
        ("reviewer", "rita"),
        ("ops", "rita"),
    ]


@pytest.mark.parametrize("second", [("ops", "otto"), ("ops", "rita"), ("partner", "acme")])
def test_one_token_is_not_given_twice(second: tuple[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(token("secret-text", "ops", "rita"), token("secret-text", *second))
    assert f"one token is given to ops:rita and {second[0]}:{second[1]}" in str(refused.value)
    assert "secret-text" not in str(refused.value)


@pytest.mark.parametrize("subject", ["Rita", "r", "rita@example.com", "", "1st", "r" * 33])
def test_staff_is_named_by_a_handle(subject: str) -> None:
    with pytest.raises(ValidationError, match="handle of the staff directory"):
        settings(token("a", "reviewer", subject))


@pytest.mark.parametrize(
    ("role", "subject"), [("applicant", "Customer_7"), ("partner", "ACME"), ("codec", "ui-gate")]
)
def test_machines_are_named_otherwise(role: str, subject: str) -> None:
    assert settings(token("a", role, subject)).tokens[0].subject == subject


@pytest.mark.parametrize("wrong", [{"zone": "Asia/Nowhere"}, {"lender": "Own Lender"}])
def test_zone_and_lender_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)
