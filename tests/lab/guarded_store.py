"""A store that its holder's PIN or the board may guard, with what it takes to open it, on clocks that a test drives."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from firmware.store.journal import JOURNAL_NAME, Entry, Journal
from firmware.store.key_wrap import HostKeys, load_host_keys
from firmware.store.keyring import WRAP_NAME, Keyring
from firmware.store.pin import TRIES_NAME, Door, StoredPin
from firmware.store.store import Store
from tests.lab.store import StoreLab

if TYPE_CHECKING:
    from firmware.phone.call import CallId

HOST: Final = HostKeys(bytes(range(32)))
PIN: Final = "258036"


async def open_store_of(state_dir: Path, environment: Mapping[str, str] = MappingProxyType({})) -> Store:
    """Open the store of a handset that does not run and asks for no PIN; the caller stops it."""
    path = state_dir / "store.db"
    keyring = Keyring(state_dir / WRAP_NAME, path, load_host_keys(state_dir / "store.key", path, environment))
    store = Store(path, None, heartbeat=lambda: None)
    await keyring.open(store)
    await keyring.settle(store)
    return store


class GuardedStore(StoreLab):
    """A store with its keyring; `restart` is a new process, `unlock` is what somebody types then."""

    def __init__(self, folder: Path, host: HostKeys = HOST) -> None:
        self.host = host
        self.going_on: Sequence[CallId] = ()
        self.folder = folder
        super().__init__(folder)

    def make_parts(self) -> None:
        """Make every part anew, as a new process would."""
        self.keyring = Keyring(self.folder / WRAP_NAME, self.folder / "store.db", self.host)
        super().make_parts()
        self.store.key = None
        address = self.keyring.journal_address if self.keyring.waits_for_pin else None
        self.journal = Journal(self.folder / JOURNAL_NAME, address)
        self.call_log.journal = self.messages.journal = self.journal
        door = Door(self.keyring, self.folder / TRIES_NAME, self.open_now)
        self.pin = StoredPin(self.store, lambda: self.monotonic_s, door)

    async def start(self) -> None:
        """Open the store, unless it waits for the PIN."""
        if not self.keyring.waits_for_pin:
            await self.open_now()

    async def open_now(self) -> None:
        """Open the store as the handset does once its key is known."""
        await self.keyring.open(self.store)
        await self.journal.drain(self.keyring.journal_key, self._take_over)
        await self.call_log.recover_interrupted(self.going_on)
        await self.keyring.settle(self.store)

    async def guard_by_pin(self, pin: str = PIN) -> None:
        """Set a PIN, and have it open the store."""
        await self.pin.set(pin)
        assert (await self.pin.guard_store(pin, guarded=True)).accepted

    async def _take_over(self, entries: Sequence[Entry]) -> None:
        await self.call_log.take_over([entry for entry in entries if entry["kind"] == "call"])
        await self.messages.take_over([entry for entry in entries if entry["kind"] == "message"])
