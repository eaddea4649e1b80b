"""The command line without a stack: plans, wrong usage, and how refusals of the API are told."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from local.story import client
from tests.commands import FakeApi, problem, run

LOAN = "loa_0123456789abcdefghjkmnpqrs"


def test_help_names_every_command() -> None:
    told = run("--help").stdout
    for command in (
        *("run", "demo", "apply", "approve", "reject", "accept", "draw", "repay", "show"),
        *("advance", "plan", "reconcile", "definitions", "books"),
    ):
        assert f" {command} " in told


# Eleven instalments of 945.60 and one of 945.55: any calculator's annuity of 2 % a month.
def test_a_plan_for_programs() -> None:
    result = run("plan", "--amount", "10000.00", "--months", "12", "--rate", "24", "--json")
    assert result.exit_code == 0
    plan = json.loads(result.stdout)
    assert [row["total"] for row in plan["rows"]] == [94_560] * 11 + [94_555]
    totals = plan["totals"]
    assert (totals["interest"], totals["total"]) == (134_715, 1_134_715)
    assert plan["rates"][0]["value"].startswith("24.00006")  # 24 %, and rounding to fen


def test_a_plan_for_people_has_years_totals_rates_and_costs() -> None:
    result = run("plan", "--first-due", "2026-02-15", "--fee", "service:deducted:5%")
    assert result.exit_code == 0
    for text in ("days", "2026 ", "2027 ", "total", "10,901.60", "34.1433", "40.0272", "service"):
        assert text in result.stdout


def test_a_plan_for_spreadsheets() -> None:
    options = ("--frequency", "2 weeks", "--instalments", "3", "--day-count", "actual_365_fixed")
    result = run("plan", "--first-due", "2026-01-15", *options, "--csv")
    assert result.exit_code == 0
    head, *rows = csv.reader(result.stdout.splitlines())
    assert [row[1] for row in rows] == ["2026-01-15", "2026-01-29", "2026-02-12"]
    assert head[:3] == ["number", "due_on", "days"]
    # 10,000.00 x 24 % x 14/365 = 92.0548
    assert (rows[0][2], rows[0][4]) == ("14", "9205")
    assert sum(int(row[3]) for row in rows) == 1_000_000


def test_terms_of_a_file_are_changed_by_options(tmp_path: Path) -> None:
    terms = {
        "method": "rentals_in_advance",
        "currency": "EUR",
        "principal": 2_000_000,
        "annual_rate": "6",
        "instalments": 36,
        "first_due_on": "2026-01-01",
        "instalment_rounding": {"unit": 100},
    }
    file = tmp_path / "lease.json"
    file.write_text(json.dumps(terms))
    found = json.loads(run("plan", "--terms", str(file), "--months", "24", "--json").stdout)
    assert (found["currency"], len(found["rows"])) == ("EUR", 24)
    assert found["rows"][0]["due_on"] == "2026-01-01"
    assert all(row["total"] % 100 == 0 for row in found["rows"][:-1])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "no object of terms"),
        ("{", "is not JSON"),
        ('{"annual_rate": 24.0}', "never a float"),
        ('{"speed": 1}', "speed"),
        ('{"frequency": "week"}', "frequency"),
        ('{"first_due_on": "soon"}', "2026-03-31"),
        ('{"principal_grace": 12}', "longer than the term"),
    ],
)
def test_a_file_of_nonsense_is_refused(tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "terms.json"
    file.write_text(content)
    result = run("plan", "--terms", str(file))
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    "method", ["equal_principal", "flat", "interest_only", "single_payment", "rentals_in_advance"]
)
def test_every_method_that_needs_nothing_else_is_planned(method: str) -> None:
    result = run("plan", "--method", method, "--rounding", "1.00:up", "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)["rows"]
    assert sum(row["principal"] for row in rows) == 1_000_000


def test_a_plan_for_people_keeps_the_due_day_through_short_months() -> None:
    result = run("plan", "--amount", "10000", "--months", "12", "--first-due", "2026-12-31")
    assert result.exit_code == 0
    assert "10,000.00 CNY over 12 months at 24 % a year" in result.stdout
    for text in ("2027-02-28", "2027-03-31", "945.55", "11,347.15"):
        assert text in result.stdout


def test_the_default_first_due_date_lies_a_month_ahead() -> None:
    rows = json.loads(run("plan", "--json").stdout)["rows"]
    assert 28 <= rows[0]["days"] <= 31


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("plan", "--amount", "-5"), "write the amount in digits"),
        (("plan", "--amount", "1.234"), "2 digits after the point"),
        (("plan", "--amount", "ten"), "write the amount in digits"),
        (("plan", "--amount", "0"), "principal must be"),
        (("plan", "--rate", "-1"), "annual_rate must be"),
        (("plan", "--rate", "x"), "write a rate as a number"),
        (("plan", "--first-due", "31.12.2026"), "2026-03-31"),
        (("plan", "--months", "601"), "600"),
        (("plan", "--frequency", "often"), "half_month"),
        (("plan", "--rounding", "1:around"), "half_even"),
        (("plan", "--fee", "service"), "per_instalment"),
        (("plan", "--fee", "service:deducted:100%"), "leave nothing"),
        (("plan", "--csv", "--json"), "not both"),
        (("apply", "--person", "nobody"), "no persona"),
        (("repay", LOAN, "--payoff", "--amount", "1"), "not both"),
        (("advance", LOAN), "--to-next"),
        (("advance", LOAN, "--days", "1", "--to-next"), "--to-next"),
        (("advance", LOAN, "--to", "soon"), "2026-03-31"),
        (("show",), "ID"),
    ],
)
def test_wrong_usage_is_told_and_ends_with_2(arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


@pytest.mark.usefixtures("no_stack")
def test_without_a_stack_a_command_says_how_to_start_one() -> None:
    result = run("show", LOAN)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "make run" in result.stderr


@pytest.mark.usefixtures("no_stack")
def test_without_a_stack_a_plan_is_printed_all_the_same() -> None:
    assert run("plan").exit_code == 0


def test_an_unknown_kind_of_id_is_told_without_asking_the_api(fake_api: FakeApi) -> None:
    result = run("show", "hello", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stderr)["error"]["code"] == "unknown_id"
    assert fake_api.asked == []


def test_a_resource_is_shown_with_amounts_for_people(fake_api: FakeApi) -> None:
    line = {"id": "lin_1", "currency": "CNY", "available": 1_000_000, "state": "active"}
    line |= {"fee": 1234, "opened_at": "2026-11-27T22:34:16.786716Z"}
    fake_api.put("GET", "/v1/lines/lin_1", (200, line))
    shown = run("show", "lin_1")
    assert shown.exit_code == 0
    assert "10,000.00" in shown.stdout
    assert "12.34" in shown.stdout
    assert "2026-11-27 22:34:16 UTC" in shown.stdout
    assert json.loads(run("show", "lin_1", "--json").stdout) == line
    assert fake_api.asked[0][2]["authorization"] == "Bearer ops-secret"


def test_a_problem_of_the_api_is_told_and_ends_with_1(fake_api: FakeApi) -> None:
    fake_api.put("GET", f"/v1/loans/{LOAN}", problem(404, "not_found", "There is no such loan."))
    result = run("show", LOAN)
    assert result.exit_code == 1
    assert result.stderr.strip() == "error: There is no such loan. (not_found, HTTP 404)"
    as_json = run("show", LOAN, "--json")
    assert (as_json.exit_code, as_json.stdout) == (1, "")
    assert json.loads(as_json.stderr) == {
        "error": {"code": "not_found", "detail": "There is no such loan.", "status": 404}
    }


def test_an_answer_that_is_no_problem_is_told_too(fake_api: FakeApi) -> None:
    fake_api.put("GET", f"/v1/loans/{LOAN}", (404, "<html>"))
    result = run("show", LOAN)
    assert result.exit_code == 1
    assert "answered 404, not as Loanflow does" in result.stderr


def test_a_command_is_repeated_with_its_key_until_it_is_answered(fake_api: FakeApi) -> None:
    repayment = {"id": "rep_1", "state": "settled", "amount": 5, "currency": "CNY"}
    fake_api.put(
        "POST",
        f"/v1/loans/{LOAN}/repayments",
        problem(503, "engine_unavailable", "Repeat."),
        problem(409, "request_in_progress", "Repeat."),
        (201, repayment),
    )
    fake_api.put(
        "GET", "/v1/repayments/rep_1", (200, {**repayment, "state": "processing"}), (200, repayment)
    )
    result = run("repay", LOAN, "--amount", "0.05", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["state"] == "settled"
    keys = [headers["idempotency-key"] for method, _, headers in fake_api.asked if method == "POST"]
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_a_failed_repayment_is_shown_and_ends_with_1(fake_api: FakeApi) -> None:
    failed = {"id": "rep_1", "state": "failed", "reason": "insufficient_funds", "currency": "CNY"}
    fake_api.put("POST", f"/v1/loans/{LOAN}/repayments", (201, failed))
    fake_api.put("GET", "/v1/repayments/rep_1", (200, failed))
    result = run("repay", LOAN)
    assert result.exit_code == 1
    assert "insufficient_funds" in result.stdout


def test_applying_enters_codes_and_waits_until_all_that_follows_is_done(fake_api: FakeApi) -> None:
    path = "/v1/applications/app_1"
    application = {"id": "app_1", "currency": "CNY", "state": "collecting", "waiting": "applicant"}

    def standing(verdict: str, missing: list[str], **told: str) -> tuple[int, dict[str, Any]]:
        card = {"kind": "bank_card", "element_id": "elt_1", "verdict": verdict}
        return 200, {**application, "elements": [card], "missing": missing, **told}

    fake_api.put("GET", "/v1/consent-texts", (200, {"items": []}))
    fake_api.put("POST", "/v1/applications", (201, application))
    fake_api.put("GET", f"{path}/liveness-challenge", (200, {"actions": ["blink", "nod"]}))
    fake_api.put("POST", f"{path}/elements", (202, {}))
    fake_api.put(
        "POST",
        f"{path}/elements/elt_1/code",
        problem(409, "code_refused", "no code is waited for"),
        (202, {}),
    )
    fake_api.put(
        "GET",
        path,
        standing("pending", ["bank_card"]),
        standing("awaiting_code", ["bank_card"]),
        standing("awaiting_code", ["bank_card"]),
        # Every verdict is there, and the process has not taken in the last one.
        standing("match", []),
        standing("match", [], state="deciding", waiting="decision"),
        standing("match", [], state="offered"),
    )
    result = run("apply", "--product", "revolving", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["state"] == "offered"
    assert fake_api.bodies[-2:] == [{"code": "123456"}] * 2


def test_applying_ends_when_it_is_the_applicants_turn(fake_api: FakeApi) -> None:
    path = "/v1/applications/app_1"
    wrong = {"kind": "bank_card", "element_id": "elt_1", "verdict": "mismatch"}
    application = {"id": "app_1", "state": "collecting", "waiting": "applicant"}
    fake_api.put("GET", "/v1/consent-texts", (200, {"items": []}))
    fake_api.put("POST", "/v1/applications", (201, application))
    fake_api.put("GET", f"{path}/liveness-challenge", (200, {"actions": ["blink", "nod"]}))
    fake_api.put("POST", f"{path}/elements", (200, {}))
    fake_api.put("GET", path, (200, {**application, "elements": [wrong], "missing": ["bank_card"]}))
    result = run("apply", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["elements"] == [wrong]


@pytest.mark.parametrize(
    ("state", "offer"),
    [
        ("in_review", None),
        ("rejected", None),
        ("withdrawn", {"id": "off_1", "state": "withdrawn"}),
        ("expired", {"id": "off_1", "state": "expired"}),
        ("accepted", {"id": "off_1", "state": "accepted"}),
    ],
)
def test_accepting_where_no_offer_is_open_is_refused_at_once(
    fake_api: FakeApi, state: str, offer: object
) -> None:
    fake_api.put("GET", "/v1/applications/app_1", (200, {"state": state, "offer": offer}))
    result = run("accept", "app_1")
    assert result.exit_code == 1
    assert f"the application is {state}: no offer is open (no_offer)" in result.stderr
    assert [method for method, _, _ in fake_api.asked] == ["GET"]


def test_an_application_that_ends_instead_of_opening_a_line_is_told_at_once(
    fake_api: FakeApi,
) -> None:
    open_offer = {"state": "offered", "offer": {"id": "off_1", "state": "open"}, "line_id": None}
    fake_api.put(
        "GET",
        "/v1/applications/app_1",
        (200, open_offer),
        (
            200,
            {
                "state": "expired",
                "offer": {"id": "off_1", "state": "expired"},
                "line_id": None,
            },
        ),
    )
    fake_api.put("POST", "/v1/offers/off_1/accept", (202, {}))
    result = run("accept", "app_1")
    assert result.exit_code == 1
    assert "the application is expired: it opens no line (no_offer)" in result.stderr


def test_an_api_that_cannot_be_reached_is_reported(
    fake_api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_PATIENCE_SECONDS", 0.2)
    monkeypatch.setenv("LOANFLOW_PUBLIC_URL", "http://127.0.0.1:9")
    result = run("show", LOAN)
    assert result.exit_code == 1
    assert "http://127.0.0.1:9 cannot be reached" in result.stderr


def compared(
    number: int, ledger: int, position: int | None, projection: int, currency: str = "CNY"
) -> dict[str, Any]:
    """A loan as the reconciliation shows it."""
    return {
        "loan_id": f"{LOAN[:-1]}{number}",
        "currency": currency,
        "funder": "own",
        "as_of": "2026-03-02",
        "principal": {"ledger": ledger, "position": position, "projection": projection},
        "accounts": [{"account": "interest_receivable", "ledger": 3, "position": 3}],
        "refusal": None,
        "differs": not ledger == position == projection,
    }


def sheet(receivable: int, cash: int) -> tuple[int, dict[str, Any]]:
    balances = [
        {"account": "cash", "balance": cash},
        {"account": "principal_receivable", "balance": receivable},
    ]
    return 200, {"balances": balances}


def page(*loans: dict[str, Any], after: str | None = None) -> tuple[int, dict[str, Any]]:
    return 200, {"items": list(loans), "next": after}


@pytest.fixture
def books(fake_api: FakeApi) -> Callable[..., None]:
    """Called with pages of loans and, as `sheets`, the trial balances in the order of asking."""

    def put(*pages: Any, sheets: Sequence[Any]) -> None:
        fake_api.put("GET", "/v1/ledger/reconciliation", *pages)
        fake_api.put("GET", "/v1/ledger/trial-balance", *sheets)

    return put


Books = Callable[..., None]


@pytest.mark.parametrize(
    ("loan", "receivable", "cash", "differing"),
    [
        (compared(1, 500, 500, 500), 500, -500, 0),
        (compared(1, 400, 500, 500), 400, -400, 1),
        (compared(1, 500, 500, 499), 500, -500, 1),
        (compared(1, 500, None, 500) | {"refusal": "invalid_reversal"}, 500, -500, 1),
        # Every loan agrees; the trial balance knows of another one, or does not balance.
        (compared(1, 500, 500, 500), 600, -600, 0),
        (compared(1, 500, 500, 500), 500, -499, 0),
    ],
)
def test_reconciling_fails_unless_the_books_agree(
    books: Books, loan: dict[str, Any], receivable: int, cash: int, differing: int
) -> None:
    books(page(loan), sheets=[sheet(receivable, cash)])
    result = run("reconcile", "--json")
    found = json.loads(result.stdout)
    agrees = not loan["differs"] and (receivable, cash) == (500, -500)
    assert (result.exit_code, found["reconciled"]) == (0 if agrees else 1, agrees)
    assert (found["differing_loans"], found["moved"]) == (differing, False)


def test_reconciling_walks_every_page_and_keeps_currencies_apart(
    fake_api: FakeApi, books: Books
) -> None:
    books(
        page(compared(1, 500, 500, 500), compared(2, 7, 7, 7, "USD"), after="c2"),
        page(compared(3, 250, 250, 250)),
        sheets=[sheet(750, -750), sheet(7, -7), sheet(750, -750), sheet(7, -7)],
    )
    result = run("reconcile", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    sums = [(one["currency"], one["loans"], one["position"]) for one in found["currencies"]]
    assert sums == [("CNY", 2, 750), ("USD", 1, 7)]
    assert (found["loans"], found["differences"]) == (3, [])
    assert {(line["currency"], line["account"]): line["balance"] for line in found["balances"]} == {
        ("CNY", "cash"): -750,
        ("CNY", "principal_receivable"): 750,
        ("USD", "cash"): -7,
        ("USD", "principal_receivable"): 7,
    }
    asked = [path for _, path, _ in fake_api.asked]
    assert any("cursor=c2" in path for path in asked)
    assert {headers["authorization"] for _, _, headers in fake_api.asked} == {
        "Bearer analyst-secret"
    }


def test_an_account_that_differs_is_named(books: Books) -> None:
    crooked = {"account": "penalty_receivable", "ledger": 245, "position": 490}
    loan = compared(1, 500, 500, 500)
    loan = loan | {"accounts": [*loan["accounts"], crooked], "differs": True}
    books(page(loan), sheets=[sheet(500, -500)])
    result = run("reconcile", "--json")
    assert result.exit_code == 1
    (difference,) = json.loads(result.stdout)["differences"]
    assert difference["loan_id"] == loan["loan_id"]
    assert {name: difference[name] for name in crooked} == crooked
    told = run("reconcile")
    assert told.exit_code == 1
    for text in ("penalty_receivable", "2.45", "4.90", "reconciled"):
        assert text in told.stdout


def test_a_book_that_moves_while_it_is_read_is_judged_by_its_loans(books: Books) -> None:
    loan = compared(1, 500, 500, 500)
    books(page(loan), sheets=[sheet(500, -500), sheet(900, -900)])
    result = run("reconcile", "--json")
    assert (result.exit_code, json.loads(result.stdout)["moved"]) == (0, True)
    books(page(compared(1, 500, 500, 400)), sheets=[sheet(500, -500), sheet(900, -900)])
    assert run("reconcile").exit_code == 1


KIM = {
    "handle": "kim",
    "name": "Kim",
    "state": "active",
    "roles": ["ops", "analyst"],
    "teams": [],
    "skills": [],
    "id": "stf_1",
}
LEE = {**KIM, "handle": "lee", "name": "Lee", "roles": [], "id": "stf_2"}


@pytest.fixture
def directory(fake_api: FakeApi) -> FakeApi:
    """An API with two people in its staff directory."""
    fake_api.put("GET", "/v1/staff", (200, {"items": [KIM, LEE], "next": None}))
    return fake_api


@pytest.mark.usefixtures("directory")
def test_the_staff_are_listed_for_people_and_programs() -> None:
    shown = run("staff", "list")
    assert shown.exit_code == 0
    assert "ops analyst" in shown.stdout
    listed = json.loads(run("staff", "list", "--json").stdout)["staff"]
    assert [one["handle"] for one in listed] == ["kim", "lee"]


@pytest.mark.parametrize(
    ("arguments", "method", "path"),
    [
        (("show", "kim"), "GET", "/v1/staff/stf_1"),
        (("give", "lee", "reviewer"), "PUT", "/v1/staff/stf_2/roles/reviewer"),
        (("take", "kim", "ops"), "DELETE", "/v1/staff/stf_1/roles/ops"),
        (("skills", "kim", "--skill", "cars"), "PUT", "/v1/staff/stf_1/skills"),
        (("join", "kim", "north"), "PUT", "/v1/staff/stf_1/teams/north"),
        (("part", "kim", "north"), "DELETE", "/v1/staff/stf_1/teams/north"),
        (("withdraw", "kim", "dep_1"), "DELETE", "/v1/staff/stf_1/deputies/dep_1"),
        (("leave", "lee"), "POST", "/v1/staff/stf_2/leave"),
    ],
)
def test_a_handle_never_enters_an_address(
    directory: FakeApi, arguments: tuple[str, ...], method: str, path: str
) -> None:
    directory.put(method, path, (200, KIM))
    done = run("staff", *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == KIM
    assert directory.asked[-1][:2] == (method, path)
    assert all("kim" not in asked and "lee" not in asked for _, asked, _ in directory.asked)


def test_people_teams_and_deputies_are_added_with_what_was_typed(directory: FakeApi) -> None:
    added = ("add", "may", "--name", "May", "--role", "ops", "--role", "analyst")
    directory.put("POST", "/v1/staff", (201, KIM))
    assert run("staff", *added).exit_code == 0
    directory.put("POST", "/v1/teams", (201, {"code": "north", "name": "North"}))
    assert run("staff", "team", "north", "--name", "North").exit_code == 0
    days = ("--first", "2027-01-01", "--last", "2027-01-05")
    directory.put("POST", "/v1/staff/stf_1/deputies", (201, {"id": "dep_1"}))
    assert run("staff", "deputy", "kim", "lee", *days).exit_code == 0
    assert directory.bodies == [
        {"handle": "may", "name": "May", "roles": ["ops", "analyst"], "skills": []},
        {"code": "north", "name": "North"},
        {"deputy_id": "stf_2", "first_day": "2027-01-01", "last_day": "2027-01-05"},
    ]


@pytest.mark.usefixtures("directory")
def test_an_unknown_handle_is_refused_with_the_way_to_the_known_ones() -> None:
    refused = run("staff", "leave", "nobody")
    assert refused.exit_code == 1
    assert "starter.py staff list" in refused.stderr


def test_the_demo_says_at_once_that_it_cannot_move_the_clocks_of_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One readable line before anything starts, where a traceback had been (fault list, O5)."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7233")
    monkeypatch.setenv("LOANFLOW_LOCAL_FOLDER", str(tmp_path / "stack"))
    result = run("demo")
    assert result.exit_code == 1
    assert "TEMPORAL_ADDRESS" in result.output
    assert "--no-story" in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "stack").exists()
