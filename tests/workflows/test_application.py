from tests.workflows.applying import apply, six_elements
from tests.workflows.lender import Lender, person

async def test_everything_given_at_once_is_offered_credit(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    outcomes = await applying.provide(*six_elements(applicant), submit=True)
    print(outcomes)
    events = await lender.history(applying.workflow_id)
    from temporalio.api.enums.v1 import EventType
    for e in events: print(e.event_id, EventType.Name(e.event_type))
