"""All that a call detail record passes: a real store behind its socket, `wecall sync`, a broker and a reader."""

import asyncio
import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from contract.consent import Purpose
from contract.downlink import MAX_NETWORK_BUNDLE_BYTES, DownTopic
from firmware.control.open_files import content_of
from firmware.control.requests import Role
from firmware.control.server import ControlServer
from firmware.control.sync_role import Inbound, SyncRole
from firmware.ports.broker import BrokerProblem, BrokerSettings, BrokerState, Traffic
from firmware.ports.outbox import Outbox
from firmware.services.operator.inbound import InboundBusyError
from firmware.store.outbox import Recipient
from tests.lab.certificates import CertificateAuthority, IssuedCertificate
from tests.lab.handset import WecallProcess
from tests.lab.mosquitto import Mosquitto, Observer, Received
from tests.lab.store import RECIPIENT, StoreLab

DEVICE: Final = "handset-7"
"""The device whose records StoreLab writes."""

PREFIX: Final = f"wecall/v1/lab/{DEVICE}"

Report = tuple[BrokerState, BrokerProblem]


class InboundInMemory:
    """Keeps what comes in; tells what it was as soon as it has come.

    Attributes:
        taken: what was taken, in its order.
        busy: while set, nothing is taken.
    """

    def __init__(self) -> None:
        self.taken: list[tuple[DownTopic, bytes]] = []
        self.refused = 0
        self.busy = False
        self._changed = asyncio.Condition()

    async def take(self, topic: DownTopic, document: bytes) -> None:
        async with self._changed:
            self._changed.notify_all()
            if self.busy:
                self.refused += 1
                raise InboundBusyError("Not now.")
            self.taken.append((topic, document))

    async def wait_for(self, holds: Callable[[], bool], timeout_s: float = 30) -> None:
        """Wait until something holds after a message has come."""
        async with self._changed, asyncio.timeout(timeout_s):
            await self._changed.wait_for(holds)


class BundlesInMemory:
    """Keeps bundles that come in; tells of each at once.

    Attributes:
        offered: size and SHA-256 of each that was offered, in its order.
        taken: the bundles that came, as often as they came.
        known: the SHA-256 of those that need not come.
        busy: while set, none is taken.
    """

    def __init__(self) -> None:
        self.offered: list[tuple[int, str]] = []
        self.taken: list[bytes] = []
        self.known: set[str] = set()
        self.busy = False
        self._changed = asyncio.Event()

    async def bring(self, digest: str, file: BinaryIO) -> None:
        self.offered.append((os.fstat(file.fileno()).st_size, digest))
        self._changed.set()
        if self.busy:
            raise InboundBusyError("Not now.")
        if digest not in self.known:
            self.taken.append(content_of(file, MAX_NETWORK_BUNDLE_BYTES))

    async def wait_for(self, holds: Callable[[], bool], timeout_s: float = 30) -> None:
        """Wait until something holds after a bundle was offered or has come."""
        async with asyncio.timeout(timeout_s):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


class LineInMemory:
    """Whether the handset can call; tells of a change at once."""

    def __init__(self, *, can_call: bool | None = True) -> None:
        self._can_call = can_call
        self._changed = asyncio.Condition()

    async def change(self, *, can_call: bool) -> None:
        async with self._changed:
            self._can_call = can_call
            self._changed.notify_all()

    async def until_other(self, heard: bool | None, timeout_s: float) -> bool | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: self._can_call is not None and self._can_call is not heard)
                return self._can_call
        return None


class SyncSite:
    """The parts run from `start` to `stop`, but for the sync process: tests start that when they are ready.

    Attributes:
        settings: what the sync process is told of the broker; a change counts from its next start or reconnect.
        reports: what the sync process has said about the broker, in its order.
        inbound: what the sync process has brought from it.
        bundles: likewise, of bundles.
        line: whether the handset says that it can call.
        moved: what it says that it has moved.
    """

    def __init__(self, folder: Path, recipient: Recipient = RECIPIENT, **broker_options: Any) -> None:
        """Set up without starting; the options are Mosquitto's, the recipient is whom the handset takes it for."""
        self.runtime_dir = folder / "run"
        self.authority = CertificateAuthority(folder / "ca")
        self.broker = Mosquitto(folder / "broker", self.authority, **broker_options)
        self.observer = Observer(self.broker)
        self.store = StoreLab(folder, recipient=recipient)
        self.sync = WecallProcess("sync", ["sync", "--runtime-dir", str(self.runtime_dir)], folder, {})
        self.settings: BrokerSettings | None = BrokerSettings(
            device=DEVICE,
            fleet="lab",
            host="localhost",
            port=self.broker.port,
            ca_pem=self.authority.ca_path.read_text(),
            retry_base_s=0.1,
            retry_cap_s=0.5,
        )
        self.use_certificate(self.authority.issue(DEVICE))
        self.reports: list[Report] = []
        self.inbound = InboundInMemory()
        self.bundles = BundlesInMemory()
        self.line = LineInMemory()
        self.moved = Traffic()
        self._reported = asyncio.Condition()
        self._notifying: set[asyncio.Task[None]] = set()
        self._server: ControlServer | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self.runtime_dir.mkdir(exist_ok=True)
        await asyncio.to_thread(self.broker.start)
        await asyncio.to_thread(self.observer.start)
        await self.store.start()
        await self.start_handset()

    async def stop(self) -> None:
        self.sync.kill()
        await self.stop_handset()
        await self.store.stop()
        await asyncio.to_thread(self.observer.stop)
        await asyncio.to_thread(self.broker.kill)

    async def start_handset(self, outbox: Outbox | None = None, inbound: Inbound | None = None) -> None:
        """Let the handset answer on its socket, from another outbox than the store's where one is given."""
        inbound = inbound or self.inbound
        outbox = outbox or self.store.outbox
        role = SyncRole(
            outbox, lambda: self.settings, self._note, inbound, self.count, bundles=self.bundles, line=self.line
        )
        self._server = ControlServer(self.runtime_dir, {Role.SYNC: role.handlers})
        await self._server.start()

    async def stop_handset(self) -> None:
        """Take the handset's socket away."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    def change_settings(self, **changes: Any) -> None:
        assert self.settings is not None
        self.settings = dataclasses.replace(self.settings, **changes)

    def use_certificate(self, issued: IssuedCertificate) -> None:
        """Give the sync process this certificate and key."""
        self.change_settings(certificate_pem=issued.certificate.read_text(), key_pem=issued.key.read_text())

    async def start_sync(self) -> None:
        await asyncio.to_thread(self.sync.start)

    async def grant(self) -> None:
        await self.store.consents.grant(Purpose.CDR_SYNC)

    async def withdraw(self) -> None:
        await self.store.consents.withdraw(Purpose.CDR_SYNC)

    async def wait_for_report(
        self, state: BrokerState, problem: BrokerProblem = BrokerProblem.NONE, *, after: int = 0, timeout_s: float = 30
    ) -> None:
        """Wait until the sync process has said this, its first `after` reports not counted."""
        async with self._reported:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._reported.wait_for(lambda: (state, problem) in self.reports[after:])
            except TimeoutError:
                raise AssertionError(
                    f"no {state} {problem} within {timeout_s} s, but {self.reports[after:]}\n{self.sync.log}"
                ) from None

    async def wait_for(self, found: Callable[[list[Received]], bool], timeout_s: float = 30) -> list[Received]:
        """Wait until the condition holds of all that the observer got."""
        return await asyncio.to_thread(self.observer.wait_for, found, timeout_s)

    async def wait_for_calls(self, call_ids: set[Any], timeout_s: float = 30) -> None:
        """Wait until the observer has these calls' records and the outbox has heard of it."""
        await self.wait_for(lambda received: call_ids <= {record["id"] for record in records_in(received)}, timeout_s)
        await self.wait_until_empty(timeout_s)

    async def wait_until_empty(self, timeout_s: float = 30) -> None:
        """Wait until nothing waits for the broker."""
        async with asyncio.timeout(timeout_s):
            while await self.store.outbox.waiting():  # noqa: ASYNC110 - nothing tells of an emptied outbox
                await asyncio.sleep(0.01)

    async def wait_for_log(self, log: Callable[[], str], text: str, timeout_s: float = 30) -> None:
        """Wait until a process has written the text into its log."""
        async with asyncio.timeout(timeout_s):
            while text not in log():  # noqa: ASYNC110 - nothing tells of a line in a file
                await asyncio.sleep(0.01)

    async def count(self, moved: Traffic) -> None:
        """Take the sync process's word for what it has moved."""
        self.moved += moved

    def _note(self, state: BrokerState, problem: BrokerProblem) -> None:
        self.reports.append((state, problem))
        task = asyncio.create_task(self._notify())
        self._notifying.add(task)
        task.add_done_callback(self._notifying.discard)

    async def _notify(self) -> None:
        async with self._reported:
            self._reported.notify_all()


def records_in(received: list[Received]) -> list[Mapping[str, Any]]:
    """Return every call detail record among the messages, in the order of arrival, repeats included."""
    return [
        record for message in received if message.topic == f"{PREFIX}/cdr" for record in message.document["records"]
    ]


def record_texts(message: Received) -> list[str]:
    """Return the records of a message as they were written, byte for byte."""
    text = message.payload.decode()
    decoder = json.JSONDecoder()
    position = text.index("[") + 1
    texts: list[str] = []
    while text[position] != "]":
        _, end = decoder.raw_decode(text, position)
        texts.append(text[position:end])
        position = end + (text[end] == ",")
    return texts


def states_in(received: list[Received]) -> list[str]:
    """Return what the handset has said of itself, in the order of arrival."""
    return [message.document["state"] for message in received if message.topic == f"{PREFIX}/status"]


def status_is(state: str) -> Callable[[list[Received]], bool]:
    """Say whether the newest status is this one."""
    return lambda received: states_in(received)[-1:] == [state]


def at_least(count: int) -> Callable[[list[Received]], bool]:
    """Say whether that many messages have come."""
    return lambda received: len(received) >= count
