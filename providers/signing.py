"""Electronic signing of contracts by their SHA-256 digest."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from providers.http.requests import ProviderRequest
from providers.http.wire import Wire

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Signature(Wire):
    """Proof that a document was signed: when, and under which evidence."""

    contract_no: str
    document_sha256: Sha256
    signed_at: Annotated[AwareDatetime, Field(strict=False)]
    evidence_id: str = Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")


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
