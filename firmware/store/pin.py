"""The holder's PIN and the guardian's: kept as Argon2id hashes, and compared ever more slowly after wrong tries.

Where the PIN opens the store as well, the file of the keys comes first: a PIN that opens it is the PIN, and the hash
follows it where a power cut came between the two.
"""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from contract.consent import Actor
from firmware.base.durable import replace_durably
from firmware.base.errors import StorageError
from firmware.phone.pin import Guard, PinSlot
from firmware.store.database import Database
from firmware.store.guardian_mark import GuardianMark
from firmware.store.keyring import Keyring
from firmware.store.store import Store

_log = logging.getLogger(__name__)

# RFC 9106 section 4, second recommendation, with two passes and one lane, so that the other cores stay free. The
# parameters stand in each hash: changing them spoils none.
_MEMORY_KIB: Final = 64 * 1024
_PASSES: Final = 2
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32

TRIES_NAME: Final = "store.pin-tries"
"""Counts wrong tries while the store, which counts them otherwise, is closed."""

_FREE_TRIES: Final = 3
_FIRST_WAIT_S: Final = 10
_LONGEST_WAIT_S: Final = 3600


def wait_after(wrong_tries: int) -> int:
    """Return how many seconds pass after so many wrong tries in a row before the next one is looked at.

    Three are free; then 10 s, doubling, up to an hour: 10,000 PINs take more than a year.
    """
    if wrong_tries < _FREE_TRIES:
        return 0
    doublings = min(wrong_tries - _FREE_TRIES, _LONGEST_WAIT_S.bit_length())
    return min(_LONGEST_WAIT_S, _FIRST_WAIT_S << doublings)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a try.

    Attributes:
        accepted: it was the PIN.
        wait_s: so many seconds until the next one is looked at.
        looked_at: it was compared with the PIN; False where a wait ran, which says nothing of who tried.
    """

    accepted: bool
    wait_s: int = 0
    looked_at: bool = True


@dataclass(frozen=True, slots=True)
class _Kept:
    code: str = field(repr=False)
    wrong_tries: int


@dataclass(frozen=True, slots=True)
class Door:
    """What a PIN needs to open a store that is closed.

    Attributes:
        keyring: the keys.
        tries: the file that counts wrong tries. Whoever can write to the card can set it back: it slows those at the
            keypad; others are slowed by what each try costs.
        open: opens the store once its key is known; a store that does not open then has its own fault.
    """

    keyring: Keyring
    tries: Path
    open: Callable[[], Awaitable[None]]


class StoredPin:
    """A PIN in the store.

    A try is counted on the disk before it is looked at, so that cutting the power gives none away. Waits are counted by
    the monotonic clock: setting the clock shortens none, and after a restart the whole wait begins again.

    Attributes:
        when_right: called on another thread after somebody typed the right one.
    """

    def __init__(
        self,
        store: Store,
        monotonic_s: Callable[[], float] = time.monotonic,
        door: Door | None = None,
        *,
        slot: PinSlot = PinSlot.HOLDER,
        mark: GuardianMark | None = None,
    ) -> None:
        """Set up.

        Args:
            store: where it is kept.
            monotonic_s: seconds that no setting of the clock moves.
            door: what the PIN opens, None where it opens nothing.
            slot: whose it is.
            mark: says beside the store that there is one; of a guardian's PIN alone.
        """
        self._store = store
        self._slot = slot
        self._monotonic_s = monotonic_s
        self._door = door
        self._mark = mark
        self._one_try = asyncio.Lock()
        self._wrong_tries: int | None = None
        self._not_before_s = 0.0
        self.when_right: Callable[[], None] = lambda: None

    async def is_set(self) -> bool:
        """Return whether there is a PIN."""
        return self._waits or await self._load() is not None

    @property
    def opens_store(self) -> bool:
        """Whether the store is closed after each start until the PIN is typed."""
        return self._door is not None and self._door.keyring.opens_by_pin

    @property
    def guards(self) -> frozenset[Guard]:
        """What the thief of the memory card lacks."""
        return self._door.keyring.guards if self._door is not None else frozenset()

    async def check(self, pin: str) -> Verdict:
        """Compare a PIN with the one that is set; where none is set, every one is right.

        The first right one after a start opens a store that it guards.

        Raises:
            StorageError: the store cannot be read.
        """
        async with self._one_try:
            if self._door is not None and self._waits:
                return await self._check_at(self._door, pin)
            kept = await self._load()
            if kept is None:
                return Verdict(accepted=True)
            if (wait_s := self._seconds_left()) > 0:
                return Verdict(accepted=False, wait_s=wait_s, looked_at=False)
            self._begin_wait((self._wrong_tries or 0) + 1)
            await self._count(kept)
            if await asyncio.to_thread(_matches, pin, kept.code):
                self._begin_wait(0)
                await self._count(kept)
                await asyncio.to_thread(self.when_right)
                return Verdict(accepted=True)
            # The wait begins when the answer is known, not when the hash began to be worked out.
            self._begin_wait(self._wrong_tries or 0)
            return Verdict(accepted=False, wait_s=self._seconds_left())

    async def set(self, pin: str) -> None:
        """Keep a PIN from now on, or none where it is empty; on the disk when this returns.

        Raises:
            StorageError: it cannot be written; the PIN until now stays.
        """
        async with self._one_try:
            if self._door is None or not self._door.keyring.opens_by_pin:
                await self._keep(pin)
                return
            keyring = self._door.keyring
            until_now = keyring.pin
            await keyring.change_pin(pin)
            try:
                await self._keep(pin)
            except StorageError:
                await keyring.put_back(until_now)
                raise

    async def correct_mark(self) -> None:
        """Have the mark say what the store says, which has just opened: a power cut may have come between the two."""
        if self._mark is None:
            return
        async with self._one_try:
            try:
                await asyncio.to_thread(self._mark.set if await self.is_set() else self._mark.clear)
            except StorageError as error:
                _log.warning("%s", error)

    async def guard_store(self, pin: str, *, guarded: bool) -> Verdict:
        """Ask for the PIN after each start from now on, before the store opens, or no more.

        Raises:
            StorageError: it cannot be written; nothing is changed.
        """
        if not await self.is_set():
            return Verdict(accepted=False, looked_at=False)
        verdict = await self.check(pin)
        if self._door is None or not verdict.accepted or guarded is self.opens_store:
            return verdict
        async with self._one_try:
            keyring = self._door.keyring
            await (keyring.open_by_pin(pin, self._store) if guarded else keyring.change_pin(""))
        return verdict

    @property
    def _waits(self) -> bool:
        return self._door is not None and self._door.keyring.waits_for_pin

    async def _check_at(self, door: Door, pin: str) -> Verdict:
        """Try a PIN on the file of the keys, while the store is closed."""
        if self._wrong_tries is None:
            self._begin_wait(await asyncio.to_thread(_read_tries, door.tries))
        if (wait_s := self._seconds_left()) > 0:
            return Verdict(accepted=False, wait_s=wait_s, looked_at=False)
        self._begin_wait((self._wrong_tries or 0) + 1)
        await asyncio.to_thread(_write_tries, door.tries, self._wrong_tries or 0)
        if not await door.keyring.unlock(pin):
            self._begin_wait(self._wrong_tries or 0)
            return Verdict(accepted=False, wait_s=self._seconds_left())
        self._begin_wait(0)
        await asyncio.to_thread(_forget_tries, door.tries)
        await asyncio.to_thread(self.when_right)
        await door.open()
        try:
            await self._follow(pin)
        except StorageError as error:
            _log.warning("The PIN opened the store's keys, and the store could not be asked for it: %s", error)
        return Verdict(accepted=True)

    async def _follow(self, pin: str) -> None:
        """Keep the hash of the PIN that opened the store, where there is another one."""
        kept = await self._load()
        if kept is None or not await asyncio.to_thread(_matches, pin, kept.code):
            await self._keep(pin)
        else:
            self._begin_wait(0)
            await self._count(kept)

    async def _keep(self, pin: str) -> None:
        code = await asyncio.to_thread(_hash, pin) if pin else None

        def write(database: Database) -> None:
            database.execute("DELETE FROM pins WHERE slot = ?", self._slot)
            if code is not None:
                database.execute("INSERT INTO pins (slot, code, wrong_tries) VALUES (?, ?, 0)", self._slot, code)

        if self._mark is not None and pin:
            await asyncio.to_thread(self._mark.set)
        await self._store.transact(write)
        self._begin_wait(0)
        if self._mark is not None and not pin:
            try:
                await asyncio.to_thread(self._mark.clear)
            except StorageError as error:
                # The next opening of the store tries again.
                _log.warning("%s", error)

    async def _load(self) -> _Kept | None:
        rows = await self._store.run(
            lambda database: database.query("SELECT code, wrong_tries FROM pins WHERE slot = ?", self._slot)
        )
        if not rows:
            return None
        kept = _Kept(*rows[0])
        if self._wrong_tries is None:
            self._begin_wait(kept.wrong_tries)
        return kept

    async def _count(self, kept: _Kept) -> None:
        """Write the count of wrong tries; where the disk is full it is remembered until the restart."""
        wrong_tries = self._wrong_tries
        try:
            await self._store.transact(
                lambda database: database.execute(
                    "UPDATE pins SET wrong_tries = ? WHERE slot = ? AND code = ?", wrong_tries, self._slot, kept.code
                )
            )
        except StorageError as error:
            # The holder has to get in to make room.
            _log.warning("The number of wrong PINs could not be written: %s", error)

    def _begin_wait(self, wrong_tries: int) -> None:
        self._wrong_tries = wrong_tries
        self._not_before_s = self._monotonic_s() + wait_after(wrong_tries)

    def _seconds_left(self) -> int:
        return max(0, -int(-(self._not_before_s - self._monotonic_s()) // 1))


def _hash(pin: str) -> str:
    secret = bytearray(pin, "utf-8")
    try:
        hasher = Argon2id(
            salt=os.urandom(_SALT_BYTES), length=_HASH_BYTES, iterations=_PASSES, lanes=1, memory_cost=_MEMORY_KIB
        )
        return hasher.derive_phc_encoded(secret)  # type: ignore[arg-type]  # it takes whatever has bytes
    finally:
        secret[:] = bytes(len(secret))


def _matches(pin: str, code: str) -> bool:
    secret = bytearray(pin, "utf-8")
    try:
        Argon2id.verify_phc_encoded(secret, code)  # type: ignore[arg-type]  # as above
    except InvalidKey:
        return False
    finally:
        secret[:] = bytes(len(secret))
    return True


def _read_tries(path: Path) -> int:
    try:
        return max(0, int(path.read_bytes()))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError):
        # Damaged is not none: the longest wait goes by quicker than anybody guesses.
        return _FREE_TRIES


def _write_tries(path: Path, tries: int) -> None:
    try:
        replace_durably(path, str(tries).encode("ascii"))
    except OSError as error:
        # The holder has to get in to make room.
        _log.warning("The number of wrong PINs could not be written: %s", error.strerror)


def _forget_tries(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


async def who_answers(pins: Mapping[Actor, StoredPin]) -> Actor | None:
    """Return whose PIN counts: the guardian's, where there is one; None where nobody has set any."""
    for actor in (Actor.GUARDIAN, Actor.HOLDER):
        if actor in pins and await pins[actor].is_set():
            return actor
    return None
