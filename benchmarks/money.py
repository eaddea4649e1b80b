"""How fast the money engine is: plans, positions and payoff quotes a second, on one core.

Beside them, as ratios, stand a plain closed-form loop that makes the same rows in floating point
and, where it is installed, numpy-financial: neither rounds, explains, hashes or checks anything.
Then a book of loans is repositioned on two processes; `--sample` times part of it and scales up.

    python -m benchmarks.money [--json] [--loans 100000] [--sample 2000]
"""

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from importlib import import_module
from itertools import pairwise

from domain.loans.events import Disbursed, LoanEvent, Paid
from domain.loans.payoff import payoff_quote
from domain.loans.position import position
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms, monthly_terms

MADE = date(2026, 1, 15)
PROCESSES = 2
EVENTS = 30
ROUNDS = 20
ROUND_SECONDS = 0.1


def terms_of(instalments: int, number: int = 0) -> LoanTerms:
    return monthly_terms(
        currency="CNY",
        principal=1_000_000 + 100 * number,
        annual_rate=Decimal("24"),
        instalments=instalments,
        disbursed_on=MADE + timedelta(days=number % 28),
        penalty_annual_rate=Decimal("24"),
    )


def history(terms: LoanTerms, events: int = EVENTS) -> list[LoanEvent]:
    """Return a disbursement and part payments spread over the term, some early, some late."""
    days = 30 * terms.instalments
    amount = terms.principal * 13 // (12 * events)
    paid: list[LoanEvent] = [
        Paid(
            key=f"p{number}",
            on=terms.disbursed_on + timedelta(days=25 + number * days // events),
            amount=amount,
        )
        for number in range(events - 1)
    ]
    return [Disbursed(key="d", on=terms.disbursed_on, amount=terms.principal), *paid]


def per_second(work: Callable[[], object]) -> float:
    """Return how often `work` runs in a second of processor time, in the best of `ROUNDS`.

    What else the machine does takes time and never gives any, so the best is nearest to the truth.
    """
    work()
    return max(_one_round(work) for _ in range(ROUNDS))


def _one_round(work: Callable[[], object]) -> float:
    runs, started = 0, time.process_time()
    while (spent := time.process_time() - started) < ROUND_SECONDS:
        work()
        runs += 1
    return runs / spent


def closed_form(principal: int, monthly: float, instalments: int) -> list[tuple[float, float]]:
    """The textbook loop in floating point: what any engine is slower than."""
    instalment = principal * monthly / (1 - (1 + monthly) ** -instalments)
    rows, balance = [], float(principal)
    for _ in range(instalments):
        interest = balance * monthly
        balance -= instalment - interest
        rows.append((instalment - interest, interest))
    return rows


def peers() -> dict[str, Callable[[], object]]:
    """Return what plans are compared with."""
    found: dict[str, Callable[[], object]] = {"loop": lambda: closed_form(1_000_000, 0.02, 12)}
    try:
        numpy = import_module("numpy")
        numpy_financial = import_module("numpy_financial")
    except ImportError:
        return found
    periods = numpy.arange(1, 13)

    def numpy_plan() -> object:
        return (
            numpy_financial.ppmt(0.02, periods, 12, -1_000_000),
            numpy_financial.ipmt(0.02, periods, 12, -1_000_000),
        )

    return found | {"numpy-financial": numpy_plan}


def measure() -> dict[str, float]:
    """Return the rates of everything on one core."""
    results: dict[str, float] = {}
    for instalments in (12, 60):
        terms = terms_of(instalments)
        events = history(terms)
        as_of = MADE + timedelta(days=20 * instalments)
        works: dict[str, Callable[[], object]] = {
            "plans": partial(build_plan, terms),
            "positions": partial(position, terms, events, as_of),
            "payoff quotes": partial(payoff_quote, terms, events, as_of),
        }
        for name, work in works.items():
            results[f"{name}, {instalments} instalments"] = per_second(work)
    plans = results["plans, 12 instalments"]
    for name, work in peers().items():
        results[f"times slower than {name}"] = per_second(work) / plans
    return results


def reposition(numbers: range) -> int:
    """Position every loan of part of a book: a year old, twelve payments and the disbursement."""
    outstanding = 0
    for number in numbers:
        terms = terms_of(12, number)
        events = history(terms, events=13)
        outstanding += position(terms, events, MADE + timedelta(days=300)).principal_outstanding
    return outstanding


def book(loans: int, sample: int) -> dict[str, float]:
    """Reposition a book on two processes; with a sample the time is scaled to all loans."""
    counted = min(sample or loans, loans)
    cuts = [counted * part // PROCESSES for part in range(PROCESSES + 1)]
    parts = [range(start, end) for start, end in pairwise(cuts)]
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        pool.map(reposition, [range(1)] * PROCESSES)
        started = time.perf_counter()
        pool.map(reposition, parts, chunksize=1)
        spent = time.perf_counter() - started
    return {"loans timed": counted, f"seconds for {loans} loans": spent * loans / counted}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--loans", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=0, help="time so many loans and scale up")
    asked = parser.parse_args()
    results = measure() | book(asked.loans, asked.sample)
    if asked.json:
        print(json.dumps(results, indent=2))
        return
    for name, value in results.items():
        micros = f"{1e6 / value:10.1f} us each" if "instalments" in name else ""
        print(f"{name:36} {value:12,.1f} {micros}")


if __name__ == "__main__":
    main()
