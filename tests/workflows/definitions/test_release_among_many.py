"""A hundred processes under way, a release, and a new build of the worker: each keeps its own."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any, Final, TypeVar

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from activities.registry import build
from domain.collections import COLLECTIONS_LADDER, CollectionsLadder
from domain.common.definitions import DefinitionRef, Kind
from domain.decisioning.checking import RISK_POLICY
from domain.products.checks import PRODUCT
from messages import queues
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import Settings
from runtime.temporal.plugin import LoanflowPlugin
from runtime.temporal.worker import build_workers
from storage.applications.offers import OfferRepository
from storage.database import Database
from storage.decisioning.decisions import DecisionRepository
from tests.definitions import release, shipped
from tests.policies import with_parameters
from tests.products import CASH, until_in_force
from tests.simulators import Simulators
from tests.workflows.applying import Applying, apply, six_elements
from tests.workflows.borrowing import Loan, lend
from tests.workflows.lender import CACHED, Lender, open_lender, person
from tests.workflows.runtime.test_worker import make_current
from workflows.registry import WORKFLOWS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Made = TypeVar("Made")

FIRST_DUE: Final = date(2031, 2, 15)
AT_ONCE: Final = 8
"""So many processes are begun side by side."""

EFFECTIVE_SECONDS: Final = 5
"""A release holds in every process within this time, without a restart."""

LADDER: Final = shipped(COLLECTIONS_LADDER, "standard")


async def many(number: int, make: Callable[[], Awaitable[Made]]) -> list[Made]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one() -> Made:
        async with slots:
            return await make()

    return list(await asyncio.gather(*(one() for _ in range(number))))


@asynccontextmanager
async def second_build(client: Client, settings: Settings) -> AsyncIterator[Database]:
    """Run workers of another build beside the first; yields a pool of a process of its own."""
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    async with (
        build(settings, client) as activities,
        Database.open(settings.database_url, 2, keyring, blind_index) as database,
    ):
        core, providers = build_workers(client, settings, queues.ALL, WORKFLOWS, activities)
        async with core, providers:
            yield database


async def release_others(record: Database) -> list[DefinitionRef]:
    """Release another product, policy and ladder under the codes of the shipped ones."""
    cheaper = CASH.content.model_copy(
        update={
            "terms": CASH.content.terms.model_copy(update={"annual_rate": Decimal(18)}),
            "offer_valid_for": timedelta(days=2),
        }
    )
    lenient = with_parameters(shipped(RISK_POLICY, "cash"), score_refer_below=500)
    again = LADDER.steps[0].model_copy(update={"name": "second_reminder", "days_past_due": 2})
    ladder = CollectionsLadder(steps=(LADDER.steps[0], again, *LADDER.steps[1:]))
    changes: Sequence[tuple[Kind[Any], str, Any]] = (
        (PRODUCT, "cash", cheaper),
        (RISK_POLICY, "cash", lenient),
        (COLLECTIONS_LADDER, "standard", ladder),
    )
    return [await release(record, kind, code, content) for kind, code, content in changes]


async def rate_offered(applying: Applying) -> Decimal:
    async with applying.lender.database.read() as tx:
        offer = await OfferRepository(tx).of_application(applying.id)
    assert offer is not None
    return offer.annual_rate


async def policy_of(applying: Applying) -> str:
    async with applying.lender.database.read() as tx:
        decision, *_ = await DecisionRepository(tx).of(applying.id)
    return decision.policy_version


async def build_of(lender: Lender, workflow_id: str) -> str:
    described = (await lender.handle(workflow_id).describe()).raw_description
    info = described.workflow_execution_info.versioning_info
    return str(info.deployment_version.build_id)


async def decide(applying: Applying) -> None:
    """Give everything that is asked for, and have it decided."""
    await applying.provide(*six_elements(applying.applicant.person), submit=True)


async def taken(loan: Loan) -> Counter[str]:
    return Counter(
        f"{action.step}@{action.ladder.rpartition('@')[2]}" for action in await loan.actions()
    )


async def test_a_hundred_processes_keep_what_they_began_with(
    dev_server: WorkflowEnvironment,
    own_settings: Settings,
    record: Database,
    running_simulators: Simulators,
    plugin: LoanflowPlugin,
) -> None:
    client, deployment = dev_server.client, f"loanflow-{secrets.token_hex(4)}"
    first, second = (
        own_settings.model_copy(
            update={
                "deployment_name": deployment,
                "build_id": build_id,
                # A hundred histories replay when the lender closes: nothing is gained without.
                "max_cached_workflows": CACHED,
            }
        )
        for build_id in ("b1", "b2")
    )
    # When the lender closes, every history of both builds must replay.
    async with open_lender(client, first, record, running_simulators, plugin) as lender:
        await make_current(client, deployment, "b1")
        applications = await many(60, lambda: apply(lender, person("story")))
        undecided, decided = applications[:50], applications[50:]
        await many_of(decided, decide)
        loans = await many(30, lambda: lend(lender, person()))
        await lender.simulators.fault(
            "payments", operation="debit", order_outcome="insufficient_funds"
        )
        late, current = loans[:10], loans[10:]
        await many_of(late, lambda loan: loan.live_until(FIRST_DUE + timedelta(days=1)))
        begun = len(await lender.handles())
        assert begun >= 100

        async with second_build(client, second) as other_process:
            await make_current(client, deployment, "b2")
            released_at = monotonic()
            refs = await release_others(record)
            for database in (record, other_process):
                for ref in refs:
                    await until_in_force(database, ref)
            assert monotonic() - released_at < EFFECTIVE_SECONDS

            # Those that began before: the rate that was agreed, the ladder that was agreed. What is
            # decided now is decided by the policy of now.
            await many_of(undecided[:10], decide)
            for applying in undecided[:10]:
                assert await rate_offered(applying) == Decimal(24)
                assert await policy_of(applying) == "risk_policy/cash@2"
                assert await build_of(lender, applying.workflow_id) == "b1"
            for applying in decided:
                await applying.review("approve")
                assert await rate_offered(applying) == Decimal(24)
                assert await policy_of(applying) == "risk_policy/cash@1"
            for applying in undecided[10:]:
                assert (await applying.row()).product_ref.endswith("@1")
            climbing = [*late, *current[:5]]
            await many_of(climbing, lambda loan: loan.live_until(FIRST_DUE + timedelta(days=5)))
            for loan in climbing:
                assert await taken(loan) == {"reminder@1": 1, "first_call@1": 1}

            # Those that begin now: the new version of everything, on the new build.
            newcomers = await many(5, lambda: apply(lender, person("story")))
            await many_of(newcomers, decide)
            for applying in newcomers:
                assert await rate_offered(applying) == Decimal(21)
                assert await build_of(lender, applying.workflow_id) == "b2"
            lent = await many(3, lambda: lend(lender, person()))
            await many_of(lent, lambda loan: loan.live_until(FIRST_DUE + timedelta(days=5)))
            for loan in lent:
                assert await taken(loan) == {
                    "reminder@2": 1,
                    "second_reminder@2": 1,
                    "first_call@2": 1,
                }
                assert await build_of(lender, loan.workflow_id) == "b2"


async def many_of(items: Sequence[Made], act: Callable[[Made], Awaitable[object]]) -> None:
    waiting = iter(items)
    await many(len(items), lambda: act(next(waiting)))
