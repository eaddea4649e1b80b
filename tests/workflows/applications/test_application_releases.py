"""A release in the middle of running applications: each stays with its version, new ones begin."""

from datetime import timedelta
from decimal import Decimal

from domain.applications.application import ApplicationState
from domain.common.definitions import DefinitionRef
from domain.decisioning.checking import RISK_POLICY
from domain.decisioning.policies import Policy
from domain.products.products import AgreedProduct
from domain.verification.element_policies import OnMismatch
from domain.verification.elements import ElementKind, Verdict
from services.products.agreed import product_of
from storage.applications.offers import OfferRepository, OfferRow
from storage.decisioning.decisions import DecisionRepository
from tests.definitions import release, shipped
from tests.integration import story
from tests.policies import with_parameters
from tests.products import CASH, changed, release_products, until_in_force
from tests.workflows.applying import Applying, apply
from tests.workflows.lender import Lender, eventually, person

OPERATOR = ElementKind.OPERATOR

BEFORE = changed(
    CASH,
    "growing",
    required_elements=(ElementKind.REAL_NAME, OPERATOR),
    decision_policy="growing",
    offer_valid_for=timedelta(days=7),
)
AFTER = changed(
    BEFORE,
    policies=(
        CASH.policy_of(OPERATOR).model_copy(
            update={"on_mismatch": OnMismatch.REJECT, "reject_code": "R08"}
        ),
    ),
    terms=CASH.content.terms.model_copy(update={"annual_rate": Decimal(18)}),
    offer_valid_for=timedelta(days=2),
)
"""Cheaper, offered for two days only, and a mobile of somebody else rejects."""


CASH_POLICY = shipped(RISK_POLICY, "cash")


async def released(lender: Lender, product: AgreedProduct, policy: Policy) -> None:
    """Release a product with its decision policy, and wait until the workers know of it."""
    await release(lender.database, RISK_POLICY, "growing", policy)
    await release_products(lender.database, product)
    for database in (lender.database, lender.workers_database):
        async with lender.database.read() as tx:
            newest = await tx.connection.fetch(
                "select kind, code, version, sha256 from definitions where code = 'growing'"
                " and (kind, version) in (select kind, max(version) from definitions"
                " where code = 'growing' group by kind)"
            )
        for row in newest:
            await until_in_force(database, DefinitionRef.model_validate(dict(row)))


async def product(applying: Applying) -> AgreedProduct:
    row = await applying.row()
    async with applying.lender.database.read() as tx:
        return await product_of(tx, row)


async def offer(applying: Applying) -> OfferRow:
    async with applying.lender.database.read() as tx:
        found = await OfferRepository(tx).of_application(applying.id)
    assert found is not None
    return found


async def policies(applying: Applying) -> dict[str, str]:
    """The policy of each decision, by its stage."""
    async with applying.lender.database.read() as tx:
        rows = await DecisionRepository(tx).of(applying.id)
    return {row.stage: row.policy_version for row in rows}


async def test_a_release_leaves_running_applications_on_their_versions(lender: Lender) -> None:
    await released(lender, BEFORE, CASH_POLICY)
    early_person, reviewed_person = person("story"), person("story")
    early = await apply(lender, early_person, product="growing")
    await early.provide(story.real_name(early_person))
    reviewed = await apply(lender, reviewed_person, product="growing")
    decided = await reviewed.provide(
        story.real_name(reviewed_person), story.operator(reviewed_person), submit=True
    )
    assert decided.application.state is ApplicationState.IN_REVIEW

    await released(lender, AFTER, with_parameters(CASH_POLICY, score_refer_below=500))

    # The one that began before: its mobile may be given again, its offer is the old one.
    wrong = await early.provide(story.operator(person()))
    assert wrong.outcomes[0].verdict is Verdict.MISMATCH
    assert wrong.application.state is ApplicationState.COLLECTING
    view = await early.provide(story.operator(early_person), submit=True)
    # Its decision begins now, by the policy of now.
    assert view.application.state is ApplicationState.OFFERED
    assert await policies(early) == {"automatic": "risk_policy/growing@2"}
    early_offer = await offer(early)
    assert early_offer.annual_rate == Decimal(24)
    assert early_offer.expires_at - early_offer.made_at == timedelta(days=7)
    assert (await product(early)).product.ref.version == 1

    # The one in review keeps the policy that referred it.
    await reviewed.review("approve")
    assert await policies(reviewed) == {
        "automatic": "risk_policy/growing@1",
        "review": "risk_policy/growing@1",
    }
    assert (await offer(reviewed)).annual_rate == Decimal(24)

    # A new one: 18 % and 3 % more for its grade C, two days, and a wrong mobile rejects at once.
    late_person = person("story")
    late = await apply(lender, late_person, product="growing")
    given = await late.provide(
        story.real_name(late_person), story.operator(late_person), submit=True
    )
    assert given.application.state is ApplicationState.OFFERED
    late_offer = await offer(late)
    assert late_offer.annual_rate == Decimal(21)
    assert late_offer.expires_at - late_offer.made_at == timedelta(days=2)
    assert (await product(late)).product.ref.version == 2
    strict = await apply(lender, person(), product="growing")
    await strict.provide(story.real_name(strict.applicant.person))
    rejected = await strict.provide(story.operator(person()))
    assert rejected.application.state is ApplicationState.REJECTED

    # The line that follows goes on with what was agreed.
    accepted = await early.accept(early_offer.id)
    assert accepted.line_id is not None
    line = lender.handle(f"line:{accepted.line_id}")
    await eventually(lambda: lender.history(line.id))
    assert (await product(early)).content.terms.annual_rate == Decimal(24)
