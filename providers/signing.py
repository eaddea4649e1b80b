"""Electronic signing of contracts by their SHA-256 digest."""

from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field

from providers.http.requests import ProviderRequest
from providers.http.wire import Received

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class Signature(Received):
    """Proof that a document was signed: when, and under which evidence."""

    contract_no: str
    document_sha256: Annotated[Sha256, BeforeValidator(_lower)]
    signed_at: AwareDatetime
    evidence_id: str = Field(min_length=1, max_length=200)


class SignRequest(ProviderRequest[Signature]):
    """Sign a document for a person, once a contract number; a repeat returns the first signature.

    The contract number is the request id. Raises ProviderUnavailable or ProviderRejected
    (`contract_conflict`: the number is taken by another document or signer).
    """

    provider = "signing"
    operation = "sign"
    echoed = ("contract_no", "document_sha256")

    contract_no: str
    document_sha256: Sha256
    name: str
    identity_number: str
    mobile: str
