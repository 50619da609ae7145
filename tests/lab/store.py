"""The encrypted store with all its parts, in a folder of its own, on clocks that a test drives."""

import functools
import itertools
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Actor, Channel, Purpose
from firmware.phone.call import CallId
from firmware.phone.commands import CloseCallRecord, OpenCallRecord
from firmware.phone.contact import Contact, ContactNumber
from firmware.phone.my_data import DataCategory
from firmware.phone.pin import PinSlot
from firmware.privacy.policy import Reading
from firmware.store.call_log import Clocks, StoredCallLog
from firmware.store.consents import Consents
from firmware.store.contacts import StoredContacts
from firmware.store.database import Database, load_migrations
from firmware.store.erasure import StoredErasure
from firmware.store.messages import StoredMessages
from firmware.store.my_data import StoredMyData
from firmware.store.number_proof import StoredNumberProof
from firmware.store.outbox import Recipient, StoredOutbox
from firmware.store.pictures import StoredPictures
from firmware.store.pin import StoredPin
from firmware.store.preferences import StoredPreferences, StoredSetUp
from firmware.store.recordings import RoomLimits, StoredRecordings
from firmware.store.retention import StoredRetention
from firmware.store.rights import StoredRequests
from firmware.store.shares import StoredShares
from firmware.store.store import Store
from firmware.voice.audio.sound_format import joined

if TYPE_CHECKING:
    import pytest

KEY: Final = bytes(range(32))
USER: Final = "planted-user-1001"
ACCOUNT: Final = f"{USER}@sip.example.org"
BOOT_ID: Final = "7cd135d5-022d-46ac-81ce-18d084236757"
ONE_ACCOUNT: Final = """
version = 1
[device]
id = "handset-7"
fleet = "lab"
[[accounts]]
username = "201"
domain = "sip.example.org"
"""
"""A configuration of the same handset's."""

RECIPIENT: Final = Recipient(device="handset-7", name="broker.example.org")


@functools.cache
def _new_file(key: bytes) -> bytes:
    """Return a store of the newest schema that nothing was kept in: to copy it is quicker than to migrate a new one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store.db")
        database = Database(path, key)
        database.open(load_migrations())
        database.close()
        return path.read_bytes()


def _draw_secrets(database: Database) -> None:
    """Have a copied store share no secret with other copies, as one that migrations made would."""
    database.execute("UPDATE identity SET account_secret = randomblob(32)")
    database.execute("UPDATE pseudonym_key SET key = randomblob(32)")


def erase_after_each(
    lab: "StoreLab", category: DataCategory, part: object, method: str, patch: "pytest.MonkeyPatch"
) -> None:
    """Have a category erased whenever a method of a part of the store has done its work."""
    work = getattr(part, method)

    async def work_and_erase(*args: Any, **more: Any) -> Any:
        done = await work(*args, **more)
        await lab.erasure.erase([category], actor=Actor.HOLDER, channel=Channel.KEYPAD)
        return done

    patch.setattr(part, method, work_and_erase)


class StoreLab:
    """One handset's store; `start` again after `stop` is what a restart is to it."""

    def __init__(
        self, folder: Path, key: bytes = KEY, recipient: Recipient = RECIPIENT, *, reserve_bytes: int = 0
    ) -> None:
        self._reserve_bytes = reserve_bytes
        self.recipient = recipient
        self.path = folder / "store.db"
        self.account = ACCOUNT
        self.wall_s = 1_772_359_200.0
        self.monotonic_s = 100.0
        self.synced = True
        self.boot_id = BOOT_ID
        self.hour = 12
        self.periods = dict.fromkeys(DataCategory, 0)
        self.beats = 0
        self._key = key
        self._ids = itertools.count(1)
        self.make_parts()

    def make_parts(self) -> None:
        """Make every part anew, as a new process would."""
        self.store = Store(self.path, self._key, self._beat, reserve_bytes=self._reserve_bytes)
        self.outbox = StoredOutbox(
            self.store, self.recipient, clock=lambda: self.wall_s, monotonic=lambda: self.monotonic_s
        )
        self.shares = StoredShares(self.store)
        self.pictures = StoredPictures(self.store, self.path.parent)
        self.contacts = StoredContacts(self.store, "CN", self.pictures.delete_files)
        self.consents = Consents(
            self.store,
            self.outbox,
            device=self.recipient.device,
            clock=lambda: self.wall_s,
            is_synced=lambda: self.synced,
        )
        self.number_proof = StoredNumberProof(self.store, self.consents, self.account, lambda: self.monotonic_s)
        self.messages = StoredMessages(self.store, lambda: self.wall_s)
        self.preferences = StoredPreferences(self.store)
        self.set_up = StoredSetUp(self.store)
        self.pin = StoredPin(self.store, lambda: self.monotonic_s)
        self.guardian_pin = StoredPin(self.store, lambda: self.monotonic_s, slot=PinSlot.GUARDIAN)
        clocks = Clocks(lambda: self.wall_s, lambda: self.monotonic_s, lambda: self.synced, BOOT_ID)
        self.recordings = StoredRecordings(
            self.store, self.contacts, self.path.parent, clocks=clocks, limits=RoomLimits(10_000_000, 0), joined=joined
        )
        self.call_log = StoredCallLog(
            self.store,
            self.outbox,
            self.contacts,
            device=self.recipient.device,
            accounts={"": ACCOUNT, "office": "1002@sip.example.org"},
            clocks=clocks,
        )
        self.my_data = StoredMyData(self.store)
        self.erasure = StoredErasure(
            self.store,
            self.outbox,
            self.consents,
            self.call_log,
            recordings=self.recordings,
            pictures=self.pictures,
        )
        self.requests = StoredRequests(self.store, self.consents, self.read_clocks)
        self.retention = StoredRetention(
            self.store,
            self.outbox,
            self.call_log,
            self.recordings,
            read_clocks=self.read_clocks,
            periods=self.periods,
            hour=lambda: self.hour,
        )

    def read_clocks(self) -> Reading:
        """Say what the clocks say."""
        return Reading(self.boot_id, self.monotonic_s, self.wall_s, self.synced)

    async def start(self) -> None:
        is_new = not self.path.exists()
        if is_new:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            whole = self.path.with_suffix(".new")
            # What is wrong with a disk is for the store itself to say.
            with suppress(OSError):
                whole.touch(mode=0o600)
                whole.write_bytes(_new_file(self._key))
                whole.replace(self.path)
            if not self.path.exists():
                with suppress(OSError):
                    whole.unlink(missing_ok=True)
        await self.store.start()
        if is_new:
            await self.store.transact(_draw_secrets)

    async def stop(self) -> None:
        await self.store.stop()

    async def restart(self) -> None:
        """Stop, and start as a new process would."""
        await self.stop()
        self.make_parts()
        await self.start()

    async def move_to_account(self, account: str) -> None:
        """Restart as the line of another account."""
        self.account = account
        await self.restart()

    def pass_time(self, seconds: float, *, clock_step_s: float = 0.0) -> None:
        """Let time go by, and the wall clock be set by `clock_step_s` meanwhile."""
        self.monotonic_s += seconds
        self.wall_s += seconds + clock_step_s

    def new_call_id(self) -> CallId:
        return CallId(f"{next(self._ids):032x}")

    async def open_call(
        self, number: str = "+861012345678", direction: CallDirection = CallDirection.OUTGOING, dialled: str = ""
    ) -> CallId:
        call_id = self.new_call_id()
        await self.call_log.open_record(OpenCallRecord(call_id, direction, number, dialled))
        return call_id

    async def lapse(self, purposes: Collection[Purpose], channel: Channel) -> None:
        """Let answers lapse, as a policy does that takes effect."""
        await self.store.transact(lambda database: self.consents.lapse_within(database, purposes, channel))
        await self.consents.tell()

    async def make_call(
        self,
        number: str = "+861012345678",
        direction: CallDirection = CallDirection.OUTGOING,
        dialled: str = "",
        reason: DisconnectReason = DisconnectReason.REMOTE_HANGUP,
        *,
        answered: bool = True,
    ) -> CallId:
        """Make a call of a minute that rings for five seconds."""
        call_id = await self.open_call(number, direction, dialled)
        self.pass_time(5)
        if answered:
            await self.call_log.mark_answered(call_id)
            self.pass_time(60)
        await self.call_log.close_record(CloseCallRecord(call_id, reason, 200 if answered else 487))
        return call_id

    async def add_contact(self, name: str, numbers: Sequence[str], **more: Any) -> int:
        """Keep a contact with these numbers and return its id."""
        contact = Contact(0, name, tuple(map(ContactNumber, numbers)), **more)
        return (await self.contacts.save(contact)).contact_id

    def _beat(self) -> None:
        self.beats += 1
