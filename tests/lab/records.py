"""The handset's store and sockets without its phone: calls are written into the log as if they had been made."""

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Self

from firmware.control.requests import Role
from firmware.control.server import ControlServer
from firmware.control.sync_role import SyncRole
from firmware.phone.call import CallDirection, CallId, DisconnectReason
from firmware.ports import BrokerProblem, BrokerSettings, BrokerState
from firmware.privacy.purposes import Purpose
from firmware.storage.call_log import Clocks, StoredCallLog
from firmware.storage.consents import Consents
from firmware.storage.contacts import StoredContacts
from firmware.storage.outbox import StoredOutbox
from firmware.storage.store import Store

NOON = 1_750_000_000.0
BOOT_ID = "01234567-89ab-cdef-0123-456789abcdef"
ACCOUNT_NAME = "planted-account-name@planted-domain.example"


class RecordsOnly:
    """A real encrypted store behind the real sync socket.

    Attributes:
        settings: what the sync process is told of the broker; None for no broker.
        now_s: the handset's clock, which stands still unless moved.
    """

    def __init__(self, folder: Path, settings: BrokerSettings | None) -> None:
        self.runtime_dir = folder / "run"
        self.settings = settings
        self.now_s = NOON
        device = settings.device if settings else "dev-1"
        self.store = Store(folder / "store.db", secrets.token_bytes(32), lambda: None)
        self.outbox = StoredOutbox(self.store)
        self.contacts = StoredContacts(self.store, "CN")
        self.consents = Consents(self.store, self.outbox, device=device, clock=lambda: self.now_s)
        clocks = Clocks(lambda: self.now_s, lambda: self.now_s, lambda: True, BOOT_ID)
        self.call_log = StoredCallLog(
            self.store, self.outbox, self.contacts, device=device, account_name=ACCOUNT_NAME, clocks=clocks
        )
        self._role = SyncRole(self.outbox, lambda: self.settings, self._note)
        self._server: ControlServer | None = None
        self._changed = asyncio.Condition()
        self._notes: list[tuple[BrokerState, BrokerProblem]] = []
        self._noting: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.runtime_dir.mkdir(exist_ok=True)
        await self.store.start()
        await self.start_socket()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop_socket()
        await self.store.stop()

    async def start_socket(self) -> None:
        self._server = ControlServer(self.runtime_dir, {Role.SYNC: self._role.handlers})
        await self._server.start()

    async def stop_socket(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    async def grant(self) -> None:
        await self.consents.grant(Purpose.CDR_SYNC)

    async def withdraw(self) -> None:
        await self.consents.withdraw(Purpose.CDR_SYNC)

    async def make_call(
        self,
        number: str = "+8613800138000",
        *,
        direction: CallDirection = CallDirection.OUTGOING,
        reason: DisconnectReason = DisconnectReason.REMOTE_HANGUP,
        duration_s: float = 30.0,
    ) -> CallId:
        """Write one answered call into the log, from its start to its end."""
        call_id = CallId(secrets.token_hex(16))
        await self.call_log.open_record(call_id, direction, number, number)
        self.now_s += 5
        await self.call_log.mark_answered(call_id)
        self.now_s += duration_s
        await self.call_log.close_record(call_id, reason, 200)
        return call_id

    @property
    def reports(self) -> list[tuple[BrokerState, BrokerProblem]]:
        """What the sync process has said about the broker, in its order."""
        return list(self._notes)

    async def wait_for_report(
        self, state: BrokerState, problem: BrokerProblem = BrokerProblem.NONE, *, after: int = 0, timeout_s: float = 30
    ) -> None:
        """Wait until the sync process has said this, not counting its first `after` reports."""
        await self.wait_until(lambda: (state, problem) in self._notes[after:], timeout_s)

    async def wait_until(self, holds: Callable[[], bool], timeout_s: float = 30) -> None:
        """Wait until a condition on the reports holds."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(holds), timeout_s)
            except TimeoutError:
                raise AssertionError(f"not reported within {timeout_s} s; reports: {self._notes}") from None

    async def wait_until_empty(self, timeout_s: float = 30) -> None:
        """Wait until nothing waits for the broker."""
        async with asyncio.timeout(timeout_s):
            while await self.outbox.waiting():
                await asyncio.sleep(0.02)

    def _note(self, state: BrokerState, problem: BrokerProblem) -> None:
        self._notes.append((state, problem))
        task = asyncio.create_task(self._notify())
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
