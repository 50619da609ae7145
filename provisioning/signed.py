"""Documents that the operator signs: one envelope for policies, notices, catalogues, answers, resets and updates.

    magic, 8 bytes | kind, 1 | key id, 8 | Ed25519 signature, 64 | body, UTF-8 JSON of a `Statement`

The signature covers every other byte and, before them, a label that no other protocol uses; a document of one kind is
therefore never one of another. Nothing of the body is looked at before the signature holds.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, JsonValue, ValidationError

from contract.results import OutcomeCode
from provisioning.errors import ProvisioningError
from provisioning.section import Identifier
from provisioning.trust import Kind, TrustedKey, decode_public_key, key_id
from provisioning.validity import Validity

_MAGIC: Final = b"WeCallS1"
_LABEL: Final = b"WeCall Handset, document signed by the operator, 1\0"
_KEY_ID_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_KIND_AT: Final = len(_MAGIC)
_KEY_ID_AT: Final = _KIND_AT + 1
_SIGNATURE_AT: Final = _KEY_ID_AT + _KEY_ID_BYTES
_BODY_AT: Final = _SIGNATURE_AT + _SIGNATURE_BYTES

DocumentKind = Literal[Kind.POLICY, Kind.NOTICE, Kind.CATALOGUE, Kind.ANSWER, Kind.RESET, Kind.UPDATE]
"""The kinds that are documents in this envelope."""

_CODES: Final[Mapping[DocumentKind, int]] = {
    Kind.POLICY: 1,
    Kind.NOTICE: 2,
    Kind.CATALOGUE: 3,
    Kind.ANSWER: 4,
    Kind.RESET: 5,
    Kind.UPDATE: 6,
}
_KINDS: Final[Mapping[int, DocumentKind]] = {code: kind for kind, code in _CODES.items()}

# A document travels as base64 in one line of 64 KiB between the sync process and the handset.
MAX_BYTES: Final[Mapping[DocumentKind, int]] = {
    Kind.POLICY: 40 * 1024,
    Kind.NOTICE: 8 * 1024,
    Kind.CATALOGUE: 40 * 1024,
    Kind.ANSWER: 8 * 1024,
    Kind.RESET: 2 * 1024,
    Kind.UPDATE: 45 * 1024,
}
"""The largest document of each kind."""


class DocumentRefusedError(ProvisioningError):
    """A document is not taken.

    Attributes:
        refusal: why, as a code.
    """

    def __init__(self, refusal: OutcomeCode, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


class Statement(Validity):
    """What every signed document says, whatever its kind.

    Attributes:
        number: rises with each document of a kind; a handset takes no number twice and none below its newest.
        fleet: the handsets that it is for.
        devices: only these of the fleet; all of them where empty.
        content: the policy, notice, catalogue, answer, reset or update.
    """

    number: Annotated[int, Field(ge=1, lt=2**53)]
    fleet: Identifier
    devices: Annotated[tuple[Identifier, ...], Field(max_length=500)] = ()
    content: dict[str, JsonValue]

    def check_scope(self, fleet: str, device: str) -> None:
        """Refuse a document for others.

        Raises:
            DocumentRefusedError: this handset is not one of those that the document is for.
        """
        if self.fleet != fleet or (self.devices and device not in self.devices):
            _refuse(OutcomeCode.WRONG_SCOPE, f"This document is for the fleet {self.fleet}, and not for this handset.")

    def check_time(self, now_s: float, *, synced: bool) -> None:
        """Refuse a document that is over, or not yet issued.

        Args:
            now_s: the time, in seconds since the epoch.
            synced: whether a time service keeps the clock right.

        Raises:
            DocumentRefusedError: the document is expired, or from the future.
        """
        if self.is_over(now_s):
            _refuse(OutcomeCode.EXPIRED, f"This document was not to be taken after {self.not_after:%Y-%m-%d}.")
        if self.is_from_the_future(now_s, synced=synced):
            _refuse(OutcomeCode.NOT_YET_VALID, f"This document is from the future, {self.issued_at:%Y-%m-%d}.")


def kind_of(document: bytes) -> DocumentKind | None:
    """Return what a document says that it is, which nothing proves yet; None where it is none."""
    return _KINDS.get(document[_KIND_AT]) if document.startswith(_MAGIC) and len(document) > _BODY_AT else None


def sign(kind: DocumentKind, statement: Statement, key: Ed25519PrivateKey) -> bytes:
    """Make a signed document.

    Raises:
        DocumentRefusedError: it is larger than a handset takes.
    """
    text = json.dumps(statement.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    body = text.encode()
    header = _MAGIC + bytes([_CODES[kind]]) + bytes.fromhex(key_id(key.public_key().public_bytes_raw()))
    document = header + key.sign(_LABEL + header + body) + body
    _check_size(document, kind)
    return document


def verify(document: bytes, kind: DocumentKind, keys: Iterable[TrustedKey]) -> Statement:
    """Check that a document of this kind was signed by a key that may, then read it.

    Raises:
        DocumentRefusedError: with the reason.
    """
    _check_size(document, kind)
    if len(document) <= _BODY_AT or not document.startswith(_MAGIC):
        _refuse(OutcomeCode.UNREADABLE, "This is not a signed document of WeCall Handset, or it was cut short.")
    if (found := _KINDS.get(document[_KIND_AT])) is not kind:
        _refuse(OutcomeCode.WRONG_KIND, f"This document is {_a(found)}, where {_a(kind)} is wanted.")
    named = document[_KEY_ID_AT:_SIGNATURE_AT].hex()
    pinned = next((key for key in keys if key.key_id == named), None)
    if pinned is None or kind not in pinned.signs:
        _refuse(
            OutcomeCode.UNKNOWN_KEY,
            f"The key {named} may not sign {_a(kind)} for this handset; [trust] in the configuration names "
            "the keys that may.",
        )
    signature, body = document[_SIGNATURE_AT:_BODY_AT], document[_BODY_AT:]
    try:
        public = Ed25519PublicKey.from_public_bytes(decode_public_key(pinned.public))
        public.verify(signature, _LABEL + document[:_SIGNATURE_AT] + body)
    except InvalidSignature:
        _refuse(
            OutcomeCode.FORGED, "The signature does not fit this document: it was changed, or somebody else made it."
        )
    try:
        return Statement.model_validate_json(body)
    except ValidationError:
        _refuse(OutcomeCode.UNREADABLE, "This document is signed, but it says nothing that this firmware understands.")


def _check_size(document: bytes, kind: DocumentKind) -> None:
    if len(document) > MAX_BYTES[kind]:
        _refuse(
            OutcomeCode.TOO_LARGE, f"This document has {len(document)} bytes; {_a(kind)} has {MAX_BYTES[kind]} at most."
        )


def _a(kind: DocumentKind | None) -> str:
    return f"{'an' if kind in {Kind.ANSWER, Kind.UPDATE} else 'a'} {kind}" if kind else "of no known kind"


def _refuse(refusal: OutcomeCode, message: str) -> NoReturn:
    raise DocumentRefusedError(refusal, message)
