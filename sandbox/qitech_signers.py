"""The consent to a query of the central credit register, as QI Tech's simulator asks for it.

Either the signers of a proposal sign one by one, which the console plays, or the client sends its
own proof, for a company beside the signers as `signature_evidence`: nothing of it is looked at.
"""

import hashlib
import re
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sandbox.book import Book, Row
from sandbox.clock import now
from sandbox.replies import RefusalError

SIGNATURES_MISSING: Final = "scr_signatures_missing"

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS qitech_consents (id TEXT PRIMARY KEY, course TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS qitech_signers (id TEXT NOT NULL REFERENCES qitech_consents,"
    " signer INTEGER NOT NULL, document_sha256 TEXT NOT NULL, signed_at TEXT,"
    " PRIMARY KEY (id, signer)) STRICT",
)
_Text = Annotated[str, StringConstraints(min_length=1, max_length=255)]
_CPF: Final = r"^[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}$"


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class _Phone(_Part):
    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{4,12}$")]
    area_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}$")]
    international_dial_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}$")]


class _Signer(_Part):
    document_number: Annotated[str, StringConstraints(pattern=_CPF)]
    name: _Text
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=255)]
    phone: _Phone


class _Signers(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    signers: Annotated[list[_Signer], Field(min_length=1, max_length=50)]


def signers_in(given: dict[str, object]) -> tuple[str, ...]:
    """Return the document numbers, digits only, of who has to sign; nobody where there is proof.

    Raises RefusalError for signers who are not as documented, and for neither signers nor proof.
    """
    parameters = given.get("scr_parameters")
    if parameters is None:
        return ()
    if not isinstance(parameters, dict) or not parameters:
        raise RefusalError(400, "invalid_scr_parameters")
    proof = {name: value for name, value in parameters.items() if name != "signers"}
    if proof and (parameters.get("signers") is None or "signature_evidence" in proof):
        return ()
    try:
        signers = _Signers.model_validate(parameters).signers
    except ValidationError:
        raise RefusalError(400, "invalid_signers") from None
    return tuple(_digits(signer.document_number) for signer in signers)


class Signature(BaseModel):
    """Who signs, by place among the signers or by document number."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    signer: Annotated[int, Field(ge=0)] | None = None
    document_number: str | None = None


class Signing:
    """Who has to sign before an analysis takes its course; documents by their digest."""

    def __init__(self, book: Book) -> None:
        self._book = book
        for statement in _SCHEMA:
            book.execute(statement)

    def ask(self, analysis_id: str, course: str, signers: tuple[str, ...]) -> None:
        """Wait for these signers, if there are any."""
        if signers:
            self._book.insert("qitech_consents", {"id": analysis_id, "course": course})
        for place, document in enumerate(signers):
            self._book.insert(
                "qitech_signers",
                {"id": analysis_id, "signer": place, "document_sha256": _digest(document)},
            )

    def sign(self, analysis_id: str, signature: Signature) -> str | None:
        """Have one signer sign; return the course to take if all have now, once.

        Raises RefusalError for an unknown analysis or signer; signing twice changes nothing.
        """
        wanted: Row = {"id": analysis_id, "signer": signature.signer}
        if signature.signer is None:
            wanted["document_sha256"] = _digest(_digits(signature.document_number or ""))
        found = self._book.select("qitech_signers", "signer", wanted)
        if len(found) != 1:
            raise RefusalError(404, "unknown_signer")
        if found[0]["signed_at"] is not None:
            return None
        self._book.execute(
            "UPDATE qitech_signers SET signed_at = ? WHERE id = ? AND signer = ?",
            *(now().isoformat(), analysis_id, found[0]["signer"]),
        )
        if any(row["signed_at"] is None for row in self.signers(analysis_id)):
            return None
        known = self._book.one("SELECT course FROM qitech_consents WHERE id = ?", analysis_id)
        return None if known is None else str(known["course"])

    def signers(self, analysis_id: str) -> list[Row]:
        """Return who has to sign by place, and when they did."""
        rows = self._book.select("qitech_signers", "signer", {"id": analysis_id})
        return [{"signer": row["signer"], "signed_at": row["signed_at"]} for row in rows]


def _digits(number: str) -> str:
    return re.sub(r"[.-]", "", number)


def _digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()
