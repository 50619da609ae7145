"""What happens while the store is closed: sealed to it, so that a power cut loses nothing and nobody else can read it.

Each line is one entry, sealed to a public key whose other half only the opened store has: an ephemeral X25519 key, then
ChaCha20-Poly1305 under what the two agree on. Whoever has the card sees how many entries there are.
"""

import asyncio
import json
import logging
import os
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firmware.base.durable import shred, sync_folder
from firmware.base.errors import StorageError
from firmware.store.errors import StoreFullError

_log = logging.getLogger(__name__)

JOURNAL_NAME: Final = "store.journal"
_MAX_BYTES: Final = 1 << 20
"""Whoever calls again and again must not be able to fill the disk of a phone that nobody opens."""
_KEY_BYTES: Final = 32
# The year 9999: after it, Python knows no dates, and none of a time zone on its last day.
_LATEST_S: Final = 253_370_764_800.0
# Each entry has a key of its own.
_NONCE: Final = bytes(12)

Entry = Mapping[str, Any]


class Journal:
    """Entries on the disk, oldest first."""

    def __init__(self, path: Path, address: bytes | None) -> None:
        """`address` is the public key to write to; None where the store opens at once, and nothing is written here."""
        self._path = path
        self._address = address
        self._one_at_a_time = asyncio.Lock()

    async def append(self, entry: Entry) -> bool:
        """Keep an entry, on the disk when this returns; False where the store is open and takes it itself.

        Raises:
            StorageError: there is no room for it.
        """
        async with self._one_at_a_time:
            if self._address is None:
                return False
            await asyncio.to_thread(self._append, seal(entry, self._address))
            return True

    async def drain(self, key: X25519PrivateKey, take: Callable[[Sequence[Entry]], Awaitable[None]]) -> None:
        """Hand over what was kept, and forget it once it is taken; from then on the store takes all there is.

        Raises:
            StorageError: the card fails, or the store cannot take it; then all of it stays.
        """
        async with self._one_at_a_time:
            entries = await asyncio.to_thread(self.read, key)
            await take(entries)
            await asyncio.to_thread(self._clear)
            self._address = None

    def read(self, key: X25519PrivateKey) -> Sequence[Entry]:
        """Return what was kept; a line that a power cut tore, or that somebody changed, is left out.

        Raises:
            StorageError: the card fails.
        """
        try:
            lines = self._path.read_bytes().split() if self._path.exists() else []
        except OSError as error:
            raise self._failure(error) from error
        entries = [entry for line in lines if (entry := unseal(line, key)) is not None]
        if len(entries) < len(lines):
            _log.warning("%d of %d entry(s) of the store's journal are damaged", len(lines) - len(entries), len(lines))
        return entries

    def _clear(self) -> None:
        try:
            shred(self._path)
        except OSError as error:
            raise self._failure(error) from error

    def _append(self, line: bytes) -> None:
        try:
            is_new = not self._path.exists()
            if not is_new and self._path.stat().st_size + len(line) > _MAX_BYTES:
                raise StoreFullError("The journal of what happens before the PIN is typed is full. Type it.")
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                # A line that was torn must not take this one along.
                file.write(b"\n" + line)
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                sync_folder(self._path.parent)
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> StorageError:
        return StorageError(f"The journal {self._path} cannot be read or written: {error.strerror}. Check the card.")


def seal(entry: Entry, address: bytes) -> bytes:
    """Seal an entry to a public key, as one line without its end."""
    ours = X25519PrivateKey.generate()
    public = ours.public_key().public_bytes_raw()
    shared = ours.exchange(X25519PublicKey.from_public_bytes(address))
    sealed = _cipher(shared, public, address).encrypt(_NONCE, json.dumps(entry).encode(), None)
    return b64encode(public + sealed)


def unseal(line: bytes, key: X25519PrivateKey) -> Entry | None:
    """Return the entry of a line, None where it is none."""
    try:
        content = b64decode(line, validate=True)
        public = content[:_KEY_BYTES]
        shared = key.exchange(X25519PublicKey.from_public_bytes(public))
        cipher = _cipher(shared, public, key.public_key().public_bytes_raw())
        entry = json.loads(cipher.decrypt(_NONCE, content[_KEY_BYTES:], None))
    except (ValueError, InvalidTag, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def is_time(seconds: float) -> bool:
    """Tell whether this, of an entry that anybody may have sealed, can be shown as a time of day."""
    return 0.0 <= seconds < _LATEST_S


def _cipher(shared: bytes, ours: bytes, address: bytes) -> ChaCha20Poly1305:
    key = HKDF(SHA256(), _KEY_BYTES, salt=ours + address, info=b"wecall journal entry 1").derive(shared)
    return ChaCha20Poly1305(key)
