"""Secrets in a bundle: sealed to one handset's key, or to a code that is typed on its keypad.

    to a key:   magic, 8 bytes | HPKE (RFC 9180), base mode, X25519, HKDF-SHA256, ChaCha20-Poly1305; info: label, serial
    to a code:  magic, 8 | memory in KiB, 4 | passes, 1 | lanes, 1 | salt, 16 | nonce, 12 | ChaCha20-Poly1305 with a key
                by Argon2id (RFC 9106); everything before is authenticated with it

What is sealed is JSON, filled up with spaces, so that its length does not tell that of a password.
"""

import hmac
import json
import secrets as randomness
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from contract.results import OutcomeCode
from provisioning.errors import BundleRefusedError, ProvisioningError, refuse

CODE_DIGITS: Final = 10

SEALED_TO_CODE: Final = "sealed/code"
"""The file of a bundle with secrets for whoever types the code; those for one handset have its serial there."""

MAX_SEALED_BYTES: Final = 32 * 1024

_KEY_MAGIC: Final = b"WeCallD1"
_CODE_MAGIC: Final = b"WeCallC1"
_KEY_LABEL: Final = b"WeCall Handset, secrets for one handset, 1\0"
_CODE_LABEL: Final = b"WeCall Handset, secrets for a code, 1\0"
_KEY_BYTES: Final = 32
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_FILLED_TO_BYTES: Final = 512
_MAX_MEMORY_KIB: Final = 128 * 1024
_MAX_PASSES: Final = 16
_MAX_LANES: Final = 4
_COST: Final = struct.Struct(">LBB")
_SALT_AT: Final = len(_CODE_MAGIC) + _COST.size
_NONCE_AT: Final = _SALT_AT + _SALT_BYTES
_SEALED_AT: Final = _NONCE_AT + _NONCE_BYTES

# Two at once with several lanes wait for each other in OpenSSL (4.0.3), for good, or fail for want of memory.
_ONE_AT_A_TIME: Final = threading.Lock()

_SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,95}$")]
_Secret = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
_SECRETS: Final = TypeAdapter(Annotated[dict[_SecretName, _Secret], Field(max_length=64)])


@dataclass(frozen=True, slots=True)
class CodeCost:
    """What one try of a code costs: as a rule what RFC 9106 section 4 wants where memory is short.

    Attributes:
        memory_kib: 64 MiB, which the smallest Raspberry Pi has to spare for a moment.
        passes: over that memory.
        lanes: that could be worked on at the same time.
    """

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 4

    def check(self) -> None:
        """Refuse what a handset cannot afford: what is read is somebody else's choice.

        Raises:
            BundleRefusedError: the cost is none, or too high.
        """
        affordable = self.lanes <= _MAX_LANES and self.passes <= _MAX_PASSES and self.memory_kib <= _MAX_MEMORY_KIB
        # RFC 9106 section 3.1: eight blocks of a KiB for each lane.
        if not (affordable and self.lanes > 0 and self.passes > 0 and self.memory_kib >= 8 * self.lanes):
            refuse(
                OutcomeCode.UNREADABLE,
                "The secrets in this bundle are sealed at a cost that no handset pays. Seal them anew with "
                "`wecall bundle seal`.",
            )


_DEFAULT_COST: Final = CodeCost()


def seal_to_device(secrets: Mapping[str, str], public: bytes, *, serial: str) -> bytes:
    """Seal secrets so that one handset alone opens them.

    Args:
        secrets: by their names, such as "sip-password".
        public: the handset's X25519 public key, from its identity.
        serial: the handset's.

    Raises:
        ProvisioningError: something is no secret, or the key is none.
    """
    plain = _plain(secrets)
    try:
        return _KEY_MAGIC + _suite().encrypt(plain, X25519PublicKey.from_public_bytes(public), _info(serial))
    except ValueError as error:
        raise ProvisioningError(f"The key of {serial} cannot be sealed to. Collect its identity anew.") from error


def unseal_with_key(blob: bytes, private: X25519PrivateKey, *, serial: str) -> dict[str, str]:
    """Open what was sealed to a handset.

    Raises:
        BundleRefusedError: it was sealed to another, or is damaged.
    """
    _check_form(blob, _KEY_MAGIC, len(_KEY_MAGIC))
    try:
        plain = _suite().decrypt(blob[len(_KEY_MAGIC) :], private, _info(serial))
    except (InvalidTag, ValueError):
        refuse(
            OutcomeCode.SEALED_FOR_ANOTHER,
            "The secrets in this bundle are not for this handset: its key has changed, or they are damaged. "
            "Collect its identity anew and seal them to that.",
        )
    return _secrets(plain)


def new_code() -> str:
    """Draw a code: ten digits, 33 bits."""
    return f"{randomness.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def seal_to_code(
    secrets: Mapping[str, str], code: str, cost: CodeCost = _DEFAULT_COST, *, repeat_key: bytes = b""
) -> bytes:
    """Seal secrets so that whoever types the code opens them.

    Args:
        secrets: by their names.
        code: ten digits.
        cost: of one try.
        repeat_key: with the same 32 bytes the same secrets become the same bytes under the same code, by which a
            handset knows them again; without it they never do.

    Raises:
        ProvisioningError: something is no secret.
    """
    cost.check()
    plain = _plain(secrets)
    before = _CODE_MAGIC + _COST.pack(cost.memory_kib, cost.passes, cost.lanes)
    drawn = randomness.token_bytes(_SALT_BYTES + _NONCE_BYTES)
    if repeat_key:
        # Salt and nonce follow from all that is sealed, so that no two texts share them (as in RFC 5297).
        drawn = hmac.digest(repeat_key, _CODE_LABEL + before + code.encode() + plain, "sha512")[: len(drawn)]
    salt, nonce = drawn[:_SALT_BYTES], drawn[_SALT_BYTES:]
    head = before + salt + nonce
    return head + _cipher(code, salt, cost).encrypt(nonce, plain, _CODE_LABEL + head)


def unseal_with_code(blob: bytes, code: str) -> dict[str, str]:
    """Open what was sealed to a code; it takes a second or two.

    Raises:
        BundleRefusedError: the code is wrong, or what was sealed is damaged.
    """
    _check_form(blob, _CODE_MAGIC, _SEALED_AT)
    cost = CodeCost(*_COST.unpack_from(blob, len(_CODE_MAGIC)))
    cost.check()
    salt, nonce, head = blob[_SALT_AT:_NONCE_AT], blob[_NONCE_AT:_SEALED_AT], blob[:_SEALED_AT]
    try:
        plain = _cipher(code, salt, cost).decrypt(nonce, blob[_SEALED_AT:], _CODE_LABEL + head)
    except InvalidTag:
        refuse(OutcomeCode.WRONG_CODE, "The code is wrong. It is on the sheet that came with the stick.")
    return _secrets(plain)


def _suite() -> Suite:
    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def _info(serial: str) -> bytes:
    return _KEY_LABEL + serial.encode()


def _cipher(code: str, salt: bytes, cost: CodeCost) -> ChaCha20Poly1305:
    argon = Argon2id(
        salt=salt, length=_KEY_BYTES, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib
    )
    with _ONE_AT_A_TIME:
        return ChaCha20Poly1305(argon.derive(code.encode()))


def _plain(secrets: Mapping[str, str]) -> bytes:
    try:
        _SECRETS.validate_python(dict(secrets))
    except ValidationError as error:
        # The error's own text quotes the secrets.
        places = sorted({str(item["loc"][0]) if item["loc"] else "all" for item in error.errors(include_input=False)})
        raise ProvisioningError(
            f"These secrets cannot be sealed: {', '.join(places)}. A secret has 1 to 256 characters and no control "
            "characters, and there are 64 at most."
        ) from None
    text = json.dumps(dict(secrets), ensure_ascii=False, sort_keys=True).encode()
    return text.ljust(-(-len(text) // _FILLED_TO_BYTES) * _FILLED_TO_BYTES)


def _secrets(plain: bytes) -> dict[str, str]:
    try:
        return _SECRETS.validate_json(plain)
    except ValidationError:
        # Without the error, whose text quotes the secrets.
        raise BundleRefusedError(
            OutcomeCode.UNREADABLE, "The secrets in this bundle open, but are not understood."
        ) from None


def _check_form(blob: bytes, magic: bytes, head_bytes: int) -> None:
    if not head_bytes < len(blob) <= MAX_SEALED_BYTES or not blob.startswith(magic):
        refuse(OutcomeCode.UNREADABLE, "The secrets in this bundle are damaged, or sealed for newer firmware.")
