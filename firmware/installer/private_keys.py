"""Private keys as files that only their owner reads: the operator's, and that of the fleet's authority."""

import os
from pathlib import Path
from typing import Final

import click
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from provisioning.errors import ProvisioningError

_ENCRYPTED_MARK: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
OTHERS: Final = 0o077
"""The bits of a file's mode that let anybody but its owner at it."""


def write_private_key(path: Path, key: PrivateKeyTypes, passphrase: str) -> None:
    """Write a key to a file that was not there, encrypted where there is a passphrase.

    Raises:
        ProvisioningError: the file is there already, or cannot be written.
    """
    protection: KeySerializationEncryption = NoEncryption()
    if passphrase:
        protection = BestAvailableEncryption(passphrase.encode())
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise ProvisioningError(f"{path} is there already. A key is never overwritten; choose another name.") from None
    except OSError as error:
        raise ProvisioningError(f"{path} cannot be written: {error.strerror}.") from error


def read_private_key(path: Path) -> PrivateKeyTypes:
    """Read a key, whatever it is for, and ask for its passphrase where it has one.

    The passphrase is typed, and taken from nowhere else: a command line and an environment can be read by others.

    Raises:
        ProvisioningError: it cannot be read, others can read it too, or the passphrase is wrong.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read()
    except OSError as error:
        raise ProvisioningError(f"The key {path} cannot be read: {error.strerror}.") from error
    if os.name == "posix" and mode & OTHERS:
        raise ProvisioningError(f"Others can read the key {path}. Make it yours alone with: chmod 600 {path}")
    passphrase: bytes | None = None
    if content.lstrip().startswith(_ENCRYPTED_MARK):
        passphrase = click.prompt("Passphrase", hide_input=True, err=True).encode()
    try:
        return load_pem_private_key(content, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        reason = "the passphrase is wrong, or the file is damaged" if passphrase is not None else "it is no key"
        raise ProvisioningError(f"The key {path} cannot be used: {reason}.") from None


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Read a key that signs.

    Raises:
        ProvisioningError: it is none, or cannot be used.
    """
    key = read_private_key(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise ProvisioningError(f"The key {path} is not an Ed25519 key. Make one with: wecall key new")
    return key
