"""The keys of the store: taken over, opened by what there is, sealed anew, and changed, whatever interrupts it.

To change the store's key, the file of the keys gets the next one beside the old; the store is written anew; the file
keeps the next one alone. A start that finds two keys tries the next one, then the old one, and goes on from there. The
file itself is replaced in one step, and what stood in its place is overwritten before it is let go, because a thief
who has the whole card also reads what was deleted.
"""

import asyncio
import errno
import logging
import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from firmware.base.durable import replace_durably, shred, sync_folder
from firmware.base.errors import StorageError
from firmware.phone.pin import Guard
from firmware.store.database import KEY_BYTES, Database
from firmware.store.errors import (
    StoreFullError,
    StoreKeyMissingError,
    StoreKeyWrongError,
    StoreReadOnlyError,
    StoreWaitsForPinError,
)
from firmware.store.key_wrap import HostKeys, KeyWrap, StoreKeys, StretchedPin, stretch
from firmware.store.store import Store

_log = logging.getLogger(__name__)

WRAP_NAME: Final = "store.key-wrap"
OLD_WRAP_NAME: Final = "store.key-wrap.old"

# RFC 9106 asks for as much memory as there is; of four parts of a small board's the phone itself needs three.
_MEMORY_CHOICES_KIB: Final = (256 * 1024, 128 * 1024, 64 * 1024)
_PART_OF_MEMORY: Final = 4
PASSES: Final = 3


def pin_memory_kib(total_kib: int) -> int:
    """Return how much memory each guess of a PIN takes, on a machine that has so much."""
    wanted = total_kib // _PART_OF_MEMORY
    return next((choice for choice in _MEMORY_CHOICES_KIB if choice <= wanted), _MEMORY_CHOICES_KIB[-1])


class Keyring:
    """The keys of one store; belongs to the main thread, what takes long is done beside it."""

    def __init__(self, wrap_path: Path, store_path: Path, host: HostKeys) -> None:
        """Read the file of the keys, or make one: for a new store, or for one that was made before there were any.

        Where what this machine has does not open it, `open` says so.

        Raises:
            StorageError: the file is damaged, or cannot be read or written.
        """
        self._path = wrap_path
        self._host = host
        self._wrap: KeyWrap
        self._pin: StretchedPin | None = None
        self._keys: StoreKeys | None = None
        self._journal_key: X25519PrivateKey | None = None
        self._fault: StorageError | None = None
        self._one_change = asyncio.Lock()
        try:
            self._let_go_of_old()
            shred(wrap_path.with_name(f".{wrap_path.name}.new"))
            content = wrap_path.read_bytes() if wrap_path.exists() else None
        except OSError as error:
            raise self._failure(error) from error
        if content is None:
            # Before there was this file, the host's secret itself was the key of the store.
            is_taken_over = store_path.exists() and store_path.stat().st_size > 0
            new = secrets.token_bytes(KEY_BYTES)
            self._write(StoreKeys(host.secret, new) if is_taken_over else StoreKeys(new), None)
        else:
            self._wrap = KeyWrap.read(content)
            try:
                self._wrap.check(host)
                if not self.opens_by_pin:
                    self._take(self._wrap.open(host, None), None)
            except StorageError as error:
                self._fault = type(error)(f"The store {store_path} does not open. {error}")

    @property
    def waits_for_pin(self) -> bool:
        """Whether the store stays closed until the PIN is typed."""
        return self._keys is None and self._fault is None and self.opens_by_pin

    @property
    def opens_by_pin(self) -> bool:
        """Whether the PIN is asked for after each start."""
        return Guard.PIN in self._wrap.guards

    @property
    def guards(self) -> frozenset[Guard]:
        """What the thief of the card alone lacks."""
        return self._wrap.guards | ({Guard.TPM} if self._host.in_tpm else frozenset())

    @property
    def journal_address(self) -> bytes:
        """The public key that is written to while the store is closed."""
        return self._wrap.journal_address

    @property
    def journal_key(self) -> X25519PrivateKey:
        """What opens that which was written so.

        Raises:
            StoreWaitsForPinError: the PIN is needed for it.
        """
        if self._journal_key is None:
            raise self._closed()
        return self._journal_key

    async def unlock(self, pin: str) -> bool:
        """Try a PIN; return whether it was the one."""
        stretched = await asyncio.to_thread(self._wrap.stretch, pin)
        try:
            self._take(self._wrap.open(self._host, stretched), stretched)
        except StoreKeyWrongError:
            return False
        return True

    async def open(self, store: Store) -> None:
        """Open the store with the key that it was written with.

        Raises:
            StorageError: it does not open.
        """
        keys = self._known_keys()
        if keys.next is not None:
            store.key = keys.next
            try:
                await store.start()
            except StoreKeyWrongError:
                pass
            else:
                return
        store.key = keys.current
        await store.start()

    async def settle(self, store: Store) -> None:
        """Bring an open store to the newest key, made with everything that guards it; what is so already stays.

        Raises:
            StorageError: there is no room to write the store anew, or the card fails. The store goes on as it was.
        """
        async with self._one_change:
            await self._settle(store)

    async def _settle(self, store: Store) -> None:
        keys = self._known_keys()
        if keys.next is None:
            if self._host.board is None or Guard.BOARD in self._wrap.guards:
                return
            # What was sealed without the board's key may still lie on the card somewhere: it is to open nothing.
            await asyncio.to_thread(self._begin_change, self._pin)
            keys = self._known_keys()
        if store.key != keys.newest:
            await store.rekey(keys.newest)
        else:
            # What a crash kept from the file, which is of the key before.
            await store.run(Database.fold_log)
        await asyncio.to_thread(self._write, StoreKeys(keys.newest), self._pin)

    async def rotate(self, store: Store) -> None:
        """Write the whole store anew with a new key.

        Raises:
            StorageError: as settle; then the change goes on at the next start.
        """
        async with self._one_change:
            if self._known_keys().next is None:
                await asyncio.to_thread(self._begin_change, self._pin)
            await self._settle(store)

    async def open_by_pin(self, pin: str, store: Store) -> None:
        """Ask for this PIN from now on before the store opens, which is written anew: older seals open nothing then.

        Raises:
            StorageError: the file of the keys cannot be written; nothing is changed.
        """
        stretched = await asyncio.to_thread(_stretch_new, pin)
        async with self._one_change:
            await asyncio.to_thread(self._begin_change, stretched)
            try:
                await self._settle(store)
            except StorageError as error:
                # The PIN is asked for already; what remains is done at the next start.
                _log.warning("The store could not be written anew with its new key, which is tried again: %s", error)

    async def change_pin(self, pin: str) -> None:
        """Open by this PIN in place of the one until now, or without any where it is empty.

        Raises:
            StorageError: the file of the keys cannot be written; nothing is changed.
        """
        stretched = await asyncio.to_thread(_stretch_new, pin) if pin else None
        async with self._one_change:
            await asyncio.to_thread(self._write, self._known_keys(), stretched)

    async def put_back(self, pin: StretchedPin | None) -> None:
        """Seal with what it was sealed with before."""
        async with self._one_change:
            await asyncio.to_thread(self._write, self._known_keys(), pin)

    @property
    def pin(self) -> StretchedPin | None:
        """What it is sealed with, for `put_back`."""
        return self._pin

    def _begin_change(self, pin: StretchedPin | None) -> None:
        keys = self._known_keys()
        self._write(replace(keys, next=keys.next or secrets.token_bytes(KEY_BYTES)), pin)

    def _known_keys(self) -> StoreKeys:
        if self._fault is not None:
            raise self._fault
        if self._keys is None:
            raise self._closed()
        return self._keys

    def _take(self, keys: StoreKeys, pin: StretchedPin | None) -> None:
        self._keys, self._pin = keys, pin
        self._journal_key = keys.journal_key

    def _write(self, keys: StoreKeys, pin: StretchedPin | None) -> None:
        wrap = KeyWrap.seal(keys, self._host, pin)
        try:
            self._let_go_of_old()
            if self._path.exists():
                # A second name for the bytes that are replaced, so that they are found and overwritten after a crash.
                os.link(self._path, self._old_path)
            replace_durably(self._path, wrap.content)
            # From here on this is what stands, whatever comes of the rest.
            self._wrap = wrap
            self._take(keys, pin)
            self._let_go_of_old()
            sync_folder(self._path.parent)
        except OSError as error:
            raise self._failure(error) from error

    def _let_go_of_old(self) -> None:
        """Overwrite what was replaced, unless it is not replaced yet: then its second name is for the same bytes."""
        if self._old_path.exists() and self._path.exists() and self._old_path.samefile(self._path):
            self._old_path.unlink()
        else:
            shred(self._old_path)

    @property
    def _old_path(self) -> Path:
        return self._path.with_name(OLD_WRAP_NAME)

    def _closed(self) -> StorageError:
        return StoreWaitsForPinError("The store is closed until the holder's PIN is typed on the phone.")

    def _failure(self, error: OSError) -> StorageError:
        message = f"The file that holds the store's key, {self._path}, cannot be read or written: {error.strerror}."
        return _as_store_error(error, message)


def _as_store_error(error: OSError, message: str) -> StorageError:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return StoreFullError(f"{message} Free space on the card and restart.")
        case errno.EROFS:
            return StoreReadOnlyError(f"{message} Check the card.")
        case _:
            return StoreKeyMissingError(f"{message} Check the card and the permissions of its folder.")


def _stretch_new(pin: str) -> StretchedPin:
    total_kib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    return stretch(pin, pin_memory_kib(total_kib), PASSES)
