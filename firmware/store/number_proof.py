"""Whether the line's number is proved, and how often a code for it was mistyped."""

import math
import time
from collections.abc import Callable
from typing import Final

from contract.consent import Actor, Channel
from firmware.phone.requests.activation import NumberProof, NumberProofRead
from firmware.privacy.consent import LedgerAction
from firmware.store.consents import Consents
from firmware.store.database import Database
from firmware.store.store import Store

TRIES: Final = 5
"""Codes that may be typed before a new one has to be asked for."""

CODE_S: Final = 600.0
"""So long a code counts."""

_FIRST_WAIT_S: Final = 60
_LONGEST_WAIT_S: Final = 3600
_PROVED_BY: Final = "sip_message"
_NOT_OFFERED: Final = "not_offered"


def wait_after(wrong_codes: int) -> int:
    """Return how many seconds pass after so many wrong codes until another one may be asked for.

    Five are free; then a minute, doubling with every five, up to an hour: a million codes take more than twenty years.
    """
    spent = wrong_codes // TRIES
    if not spent:
        return 0
    return min(_LONGEST_WAIT_S, _FIRST_WAIT_S << min(spent - 1, _LONGEST_WAIT_S.bit_length()))


class StoredNumberProof:
    """The proof in the store.

    A try is counted on the disk before it is made, so that cutting the power gives none back; the code that was on its
    way is forgotten then, and the whole wait begins again. Both are counted by the monotonic clock.

    It is one account's: where the line becomes another's, its number is to be proved anew, and wrong codes count on.
    """

    def __init__(
        self, store: Store, consents: Consents, account: str, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Set up.

        Args:
            store: where it is.
            consents: the ledger, which tells of it.
            account: whose number is proved.
            monotonic_s: seconds that nobody sets.
        """
        self._store = store
        self._consents = consents
        self._account = account
        self._monotonic_s = monotonic_s
        self._wrong_codes: int | None = None
        self._not_before_s = 0.0
        self._good_until_s: float | None = None

    async def state(self) -> NumberProofRead:
        """Return how far it has come."""
        wrong_codes, proved = await self._load()
        if proved:
            return NumberProofRead(NumberProof.PROVED)
        if (wait_s := self._seconds_left()) > 0:
            return NumberProofRead(NumberProof.WAIT, wait_s)
        if self._good_until_s is None:
            return NumberProofRead(NumberProof.OPEN)
        if self._monotonic_s() >= self._good_until_s:
            return NumberProofRead(NumberProof.EXPIRED)
        return NumberProofRead(NumberProof.SENT, tries_left=TRIES - wrong_codes % TRIES)

    def await_code(self) -> None:
        """Hear that a code is on its way."""
        self._good_until_s = self._monotonic_s() + CODE_S

    async def begin_try(self) -> NumberProofRead:
        """Count a try; it may be made only where this says that a code is SENT."""
        state = await self.state()
        if state.proof is not NumberProof.SENT:
            return state
        await self._count((self._wrong_codes or 0) + 1)
        return state

    async def end_try(self, *, right: bool) -> NumberProofRead:
        """Hear what became of the try that was begun."""
        if right:
            self._good_until_s = None
            await self._prove()
            return await self.state()
        wrong_codes = self._wrong_codes or 0
        if wrong_codes % TRIES:
            return NumberProofRead(NumberProof.WRONG, tries_left=TRIES - wrong_codes % TRIES)
        self._good_until_s = None
        self._begin_wait(wrong_codes)
        return await self.state()

    async def take_try_back(self) -> None:
        """Hear that the operator never looked at it."""
        await self._count(max(0, (self._wrong_codes or 0) - 1))

    def forget_code(self) -> None:
        """Hear from the operator that the code counts no more."""
        self._good_until_s = None

    async def leave_unproved(self) -> None:
        """Have the ledger say that nothing proves the number, unless it says so already."""
        told = [entry.action for entry in await self._consents.entries() if entry.action in _ABOUT_NUMBER]
        if not told or told[-1] is not LedgerAction.NUMBER_UNPROVED:
            await self._consents.append(LedgerAction.NUMBER_UNPROVED, _NOT_OFFERED, Actor.HOLDER, Channel.HANDSET)

    async def _prove(self) -> None:
        def write(database: Database) -> None:
            database.execute(
                "INSERT INTO number_proof (only, wrong_codes, proved, account) VALUES (1, 0, 1, ?) "
                "ON CONFLICT (only) DO UPDATE SET wrong_codes = 0, proved = 1, account = excluded.account",
                self._account,
            )
            self._consents.append_within(database, LedgerAction.NUMBER_PROVED, _PROVED_BY, Actor.HOLDER, Channel.KEYPAD)

        await self._store.transact(write)
        self._begin_wait(0)
        await self._consents.tell()

    async def _load(self) -> tuple[int, bool]:
        rows = await self._store.run(
            lambda database: database.query(
                "SELECT wrong_codes, proved AND account = ? FROM number_proof", self._account
            )
        )
        wrong_codes, proved = rows[0] if rows else (0, 0)
        if self._wrong_codes is None:
            self._begin_wait(wrong_codes if wrong_codes % TRIES == 0 else 0)
            self._wrong_codes = wrong_codes
        return self._wrong_codes, bool(proved)

    async def _count(self, wrong_codes: int) -> None:
        await self._store.transact(
            lambda database: database.execute(
                "INSERT INTO number_proof (only, wrong_codes) VALUES (1, ?) "
                "ON CONFLICT (only) DO UPDATE SET wrong_codes = excluded.wrong_codes",
                wrong_codes,
            )
        )
        self._wrong_codes = wrong_codes

    def _begin_wait(self, wrong_codes: int) -> None:
        self._wrong_codes = wrong_codes
        self._not_before_s = self._monotonic_s() + wait_after(wrong_codes)

    def _seconds_left(self) -> int:
        return max(0, math.ceil(self._not_before_s - self._monotonic_s()))


_ABOUT_NUMBER: Final = frozenset({LedgerAction.NUMBER_PROVED, LedgerAction.NUMBER_UNPROVED})
