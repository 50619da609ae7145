"""The small file that holds the store's key, sealed with what opens it: what this machine has, and the PIN.

The store's key is random and never leaves this file but into memory. What it is sealed with is derived from every
factor that the file names: the host's secret always, and the board's key and the holder's PIN where they are used. So
a factor is added, changed or taken away by writing these few bytes anew, and forgetting them forgets the store.

    keys sealed = ChaCha20-Poly1305 (HKDF-SHA256 (host | board | Argon2id (PIN), salt), head of the file, keys)
"""

import errno
import hmac
import json
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firmware.base.durable import sync_folder
from firmware.phone.pin import Guard
from firmware.store.database import KEY_BYTES
from firmware.store.errors import StoreFullError, StoreKeyMissingError, StoreKeyWrongError

CREDENTIAL_NAME: Final = "store-key"
BOARD_CREDENTIAL_NAME: Final = "board-key"
PROTECTION_CREDENTIAL_NAME: Final = "key-protection"
_IN_TPM: Final = b"tpm"

_FORMAT: Final = 1
_SALT_BYTES: Final = 32
_PIN_SALT_BYTES: Final = 16
_MAX_MEMORY_KIB: Final = 1 << 20
_MAX_PASSES: Final = 16
# The key that seals is derived with a fresh salt each time and seals once.
_NONCE: Final = bytes(12)


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


@dataclass(frozen=True, slots=True)
class StoreKeys:
    """The key of the store, and the next one while it is being changed.

    Attributes:
        current: what the store was written with.
        next: what it is being written anew with; it may be already.
    """

    current: bytes = field(repr=False)
    next: bytes | None = field(default=None, repr=False)

    @property
    def newest(self) -> bytes:
        """What the store is to be written with."""
        return self.next or self.current

    @property
    def journal_key(self) -> X25519PrivateKey:
        """What opens the journal of the time in which the store is closed."""
        seed = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"wecall journal 1").derive(self.current)
        return X25519PrivateKey.from_private_bytes(seed)


@dataclass(frozen=True, slots=True)
class StretchedPin:
    """A PIN as it opens the store, and how it was made so: slowly, and with much memory."""

    key: bytes = field(repr=False)
    salt: bytes
    memory_kib: int
    passes: int


def stretch(pin: str, memory_kib: int, passes: int, salt: bytes | None = None) -> StretchedPin:
    """Make a key of a PIN, so that each guess costs whoever tries them all as much as it costs here."""
    salt = salt or secrets.token_bytes(_PIN_SALT_BYTES)
    secret = bytearray(pin, "utf-8")
    try:
        argon = Argon2id(salt=salt, length=KEY_BYTES, iterations=passes, lanes=1, memory_cost=memory_kib)
        key = argon.derive(secret)  # type: ignore[arg-type]  # it takes whatever has bytes
    finally:
        secret[:] = bytes(len(secret))
    return StretchedPin(key, salt, memory_kib, passes)


@dataclass(frozen=True, slots=True)
class KeyWrap:
    """What the file says, before it is opened.

    Attributes:
        head: all that is not sealed; changing any of it keeps the file from being opened.
        sealed: the keys.
    """

    head: Mapping[str, Any]
    sealed: bytes

    @classmethod
    def seal(cls, keys: StoreKeys, host: HostKeys, pin: StretchedPin | None) -> "KeyWrap":
        """Seal keys with all that there is."""
        head: dict[str, Any] = {
            "format": _FORMAT,
            "board": host.board is not None,
            "host": "",
            "salt": secrets.token_hex(_SALT_BYTES),
            "journal": keys.journal_key.public_key().public_bytes_raw().hex(),
        }
        head["host"] = _host_code(head, host)
        if pin is not None:
            head["pin"] = {"salt": pin.salt.hex(), "memory_kib": pin.memory_kib, "passes": pin.passes}
        cipher = ChaCha20Poly1305(_sealing_key(head, host, pin))
        return cls(head, cipher.encrypt(_NONCE, keys.current + (keys.next or b""), _canonical(head)))

    @classmethod
    def read(cls, content: bytes) -> "KeyWrap":
        """Read a file.

        Raises:
            StoreKeyMissingError: it is damaged.
        """
        try:
            head = json.loads(content)
            sealed = bytes.fromhex(head.pop("sealed"))
            wrap = cls(head, sealed)
            pin = head.get("pin")
            sound = (
                head["format"] == _FORMAT
                and isinstance(head["board"], bool)
                and isinstance(head["host"], str)
                and len(bytes.fromhex(head["salt"])) == _SALT_BYTES
                and len(wrap.journal_address) == KEY_BYTES
                and (pin is None or _is_sound(pin))
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound:
            raise StoreKeyMissingError(
                "The file that holds the store's key is damaged. Restore a copy of it and of the store, or begin anew."
            )
        return wrap

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return _canonical({**self.head, "sealed": self.sealed.hex()}) + b"\n"

    @property
    def guards(self) -> frozenset[Guard]:
        """What it takes beside the host's secret."""
        return frozenset(
            guard for guard, used in ((Guard.BOARD, self.head["board"]), (Guard.PIN, "pin" in self.head)) if used
        )

    @property
    def journal_address(self) -> bytes:
        """The public key that the journal is sealed to while the store is closed."""
        return bytes.fromhex(self.head["journal"])

    def stretch(self, pin: str) -> StretchedPin:
        """Make of a PIN what this file was sealed with, if it is the right one."""
        how = self.head["pin"]
        return stretch(pin, how["memory_kib"], how["passes"], bytes.fromhex(how["salt"]))

    def check(self, host: HostKeys) -> None:
        """Find out whether this machine is the right one, before anybody types a PIN in vain.

        Raises:
            StoreKeyMissingError: it takes the key of a board that is not here.
            StoreKeyWrongError: the host's secret or the board's key is another one.
        """
        if self.head["board"] and host.board is None:
            raise StoreKeyMissingError(
                "The store opens on the Raspberry Pi that it was made on only, and that one's own key is not here. "
                "Put the card back into it."
            )
        if not hmac.compare_digest(self.head["host"], _host_code(self.head, host)):
            raise StoreKeyWrongError(
                "The store's key was sealed by another machine, or with another credential or key file. Put back the "
                "one that belongs to this store."
            )

    def open(self, host: HostKeys, pin: StretchedPin | None) -> StoreKeys:
        """Return the keys, on a machine that was checked.

        Raises:
            StoreKeyWrongError: the PIN is another one, or the file was changed.
        """
        try:
            cipher = ChaCha20Poly1305(_sealing_key(self.head, host, pin))
            keys = cipher.decrypt(_NONCE, self.sealed, _canonical(self.head))
        except InvalidTag:
            raise StoreKeyWrongError(
                "The store's key cannot be unsealed: its file was changed, or this is not the PIN. Restore a copy."
            ) from None
        return StoreKeys(keys[:KEY_BYTES], keys[KEY_BYTES:] or None)


def _sealing_key(head: Mapping[str, Any], host: HostKeys, pin: StretchedPin | None) -> bytes:
    return _derive(head, host, b"wecall store key wrap 1", pin)


def _host_code(head: Mapping[str, Any], host: HostKeys) -> str:
    """Name a machine without giving anything of its secrets away, which are random and long."""
    return _derive(head, host, b"wecall store key host 1").hex()


def _derive(head: Mapping[str, Any], host: HostKeys, info: bytes, pin: StretchedPin | None = None) -> bytes:
    board = host.board if head["board"] else None
    # Each has its place whether it is used or not: no two mixtures give the same bytes.
    parts = [host.secret, board or b"", pin.key if pin is not None else b""]
    mixture = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
    return HKDF(SHA256(), KEY_BYTES, salt=bytes.fromhex(head["salt"]), info=info).derive(mixture)


def _canonical(head: Mapping[str, Any]) -> bytes:
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode("ascii")


def _is_sound(pin: Mapping[str, Any]) -> bool:
    """Whether the work that a file asks for is work that can be done: a changed file must not take all memory."""
    return (
        len(bytes.fromhex(pin["salt"])) == _PIN_SALT_BYTES
        and pin["memory_kib"] in range(8, _MAX_MEMORY_KIB + 1)
        and pin["passes"] in range(1, _MAX_PASSES + 1)
    )
