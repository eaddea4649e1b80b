"""Back-tests: what a version of a policy would change."""

from typing import Annotated

from fastapi import Path

from api.http.calls import Called
from api.http.routing import authorised_router
from api.v1.decisioning.backtest_schemas import BackTestRequest, BackTestResponse
from services.decisioning.backtesting import back_test_version

router = authorised_router("/definitions", "definitions")


@router.post(
    "/risk_policy/{code}/versions/{version}/backtest", summary="Try a policy on past decisions"
)
async def backtest(
    code: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,63}$")],
    version: Annotated[int, Path(ge=1, le=2**31 - 1)],
    body: BackTestRequest,
    call: Called,
) -> BackTestResponse:
    """Say which of the last decisions a version would make otherwise; nothing is stored or sent.

    409 `nothing_to_try` as long as the policy has decided nothing.
    """
    found = await back_test_version(call.database, code, version, body.last)
    return BackTestResponse.of(found)
