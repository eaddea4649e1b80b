"""Electronic signing of contracts by their SHA-256 digest."""

from typing import Annotated, Protocol, Self

from pydantic import AwareDatetime, Field, model_validator

from providers.http.client import ProviderClient
from providers.http.errors import ProviderUnavailable
from providers.http.wire import PersonalWire, Wire


class Signature(Wire):
    """Proof that a document was signed: when, and under which evidence."""

    contract_no: str
    document_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    signed_at: Annotated[AwareDatetime, Field(strict=False)]
    evidence_id: str = Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")


class Signing(Protocol):
    """A signing service; a contract number is signed once."""

    async def sign(
        self,
        *,
        contract_no: str,
        document_sha256: str,
        name: str,
        identity_number: str,
        mobile: str,
    ) -> Signature:
        """Sign the document for the person; a repeat returns the first signature.

        Raises ProviderUnavailable or ProviderRejected (`contract_conflict`: the number is taken by
        another document or signer).
        """

    async def get(self, *, contract_no: str) -> Signature | None:
        """Return the signature, None if there is none; raises as `sign`."""


class SignRequest(PersonalWire):
    """A document's digest and its signer, as sent."""

    contract_no: str
    document_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    name: str
    identity_number: str
    mobile: str


class GetRequest(Wire):
    """Which contract, as sent."""

    contract_no: str


class GetAnswer(Wire):
    """What is known of a contract."""

    found: bool
    signature: Signature | None = None

    @model_validator(mode="after")
    def _found_means_signed(self) -> Self:
        if self.found != (self.signature is not None):
            raise ValueError("a signature is given exactly when found")
        return self


class HttpSigning:
    """Signing over the common contract; the contract number is the request id."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def sign(
        self,
        *,
        contract_no: str,
        document_sha256: str,
        name: str,
        identity_number: str,
        mobile: str,
    ) -> Signature:
        """See Signing.sign."""
        request = SignRequest(
            contract_no=contract_no,
            document_sha256=document_sha256,
            name=name,
            identity_number=identity_number,
            mobile=mobile,
        )
        signed = await self._client.call("signing", "sign", request, Signature, contract_no)
        if (signed.contract_no, signed.document_sha256) != (contract_no, document_sha256):
            raise ProviderUnavailable("signing", "invalid_response")
        return signed

    async def get(self, *, contract_no: str) -> Signature | None:
        """See Signing.get."""
        request = GetRequest(contract_no=contract_no)
        answer = await self._client.call("signing", "get", request, GetAnswer, contract_no)
        if answer.signature is not None and answer.signature.contract_no != contract_no:
            raise ProviderUnavailable("signing", "invalid_response")
        return answer.signature
