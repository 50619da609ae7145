"""What this machine itself has to open the store with: a secret on the card, and perhaps one that is not on it."""

import errno
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from firmware.base.durable import sync_folder
from firmware.store.database import KEY_BYTES
from firmware.store.errors import StoreFullError, StoreKeyMissingError

CREDENTIAL_NAME: Final = "store-key"
BOARD_CREDENTIAL_NAME: Final = "board-key"
PROTECTION_CREDENTIAL_NAME: Final = "key-protection"
_IN_TPM: Final = b"tpm"


@dataclass(frozen=True, slots=True)
class HostKeys:
    """What this machine has.

    Attributes:
        secret: 32 random bytes, from the credential or the key file.
        board: the key that is burnt into the board, where the installer wants it used.
        in_tpm: the secret's credential opens by this machine's security chip only.
    """

    secret: bytes = field(repr=False)
    board: bytes | None = field(default=None, repr=False)
    in_tpm: bool = False


def load_host_keys(key_file: Path, store: Path, environment: Mapping[str, str] = os.environ) -> HostKeys:
    """Return what this machine has; `systemd/check-credentials.sh` hands on all but the key file.

    Raises:
        StoreKeyMissingError, StoreFullError: as load_key.
    """
    secret = load_key(key_file, store, environment)
    folder = Path(environment.get("CREDENTIALS_DIRECTORY") or os.devnull)
    board = folder / BOARD_CREDENTIAL_NAME
    protection = folder / PROTECTION_CREDENTIAL_NAME
    return HostKeys(
        secret,
        _checked(board, _read(board)) if board.exists() else None,
        in_tpm=(folder / CREDENTIAL_NAME).exists() and protection.exists() and _read(protection).strip() == _IN_TPM,
    )


def load_key(key_file: Path, store: Path, environment: Mapping[str, str] = os.environ) -> bytes:
    """Return the host's secret, from which what seals the store's key is derived.

    Under systemd it is the credential `store-key`, which the unit decrypts. Elsewhere it is a file that only its owner
    may read, made with the first store.

    Raises:
        StoreKeyMissingError: there is none and none may be made, because the store exists; or it is unusable.
        StoreFullError: there is no room to make one.
    """
    if folder := environment.get("CREDENTIALS_DIRECTORY"):
        credential = Path(folder) / CREDENTIAL_NAME
        if credential.exists():
            return _checked(credential, _read(credential))
    if not key_file.exists():
        if store.exists() and store.stat().st_size:
            raise StoreKeyMissingError(
                f"The key of the store {store} is missing. Put back {key_file}, or the credential {CREDENTIAL_NAME}."
            )
        _make(key_file)
    mode = stat.S_IMODE(key_file.stat().st_mode)
    if mode & 0o077:
        raise StoreKeyMissingError(
            f"The key file {key_file} can be read by others (mode {mode:04o}), so it is not used. "
            "Set its mode to 0600, and consider the store read by whoever could."
        )
    return _checked(key_file, _read(key_file))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreKeyMissingError(f"The store's key in {path} cannot be read: {error.strerror}.") from error


def _checked(path: Path, key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise StoreKeyMissingError(
            f"The store's key in {path} has {len(key)} bytes instead of {KEY_BYTES}; put the right one back."
        )
    return key


def _make(path: Path) -> None:
    """Write a new key so that a crash leaves either the whole of it or nothing."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, never replaces a key that another process made in the meantime.
        with suppress(FileExistsError):
            os.link(draft, path)
        sync_folder(path.parent)
    except OSError as error:
        message = f"A key for the store cannot be written to {path}: {error.strerror}."
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StoreFullError(f"{message} Free space on the card and restart.") from error
        raise StoreKeyMissingError(message) from error
    finally:
        with suppress(OSError):
            draft.unlink()
