"""The sync role over its real socket, with an outbox in memory."""

import asyncio
import hashlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from contract.downlink import MAX_DOCUMENT_BYTES, MAX_NETWORK_BUNDLE_BYTES, DownTopic
from firmware.base.errors import ControlError
from firmware.control import open_files
from firmware.control.client import ask_async
from firmware.control.open_files import content_of, sealed
from firmware.control.requests import (
    MAX_LINE_BYTES,
    ConfigurationRequest,
    ConnectionRequest,
    DoneRequest,
    NextRequest,
    ReceivedRequest,
    Request,
    Role,
)
from firmware.control.server import ControlServer
from firmware.control.sync_client import HandsetLink
from firmware.control.sync_role import SyncRole
from firmware.ports.broker import BrokerProblem, BrokerSettings, BrokerState, Traffic
from firmware.ports.outbox import OutboxKey, OutboxMessage
from tests.lab.sync_site import LineInMemory

SETTINGS = BrokerSettings(device="dev-1", fleet="lab", host="localhost", port=8883, key_pem="KEY", batch_records=10)


class MemoryOutbox:
    def __init__(self) -> None:
        self.waiting: dict[OutboxKey, OutboxMessage] = {}
        self.due = asyncio.Event()
        self.is_awaited = asyncio.Event()
        self.handed_over: list[OutboxKey] = []
        self.withheld: set[OutboxKey] = set()

    def add(self, seq: int, text: str = "") -> None:
        key = OutboxKey(7, seq)
        self.waiting[key] = OutboxMessage(key, "cdr", retain=False, payload={"text": text})
        self.due.set()

    async def next_batch(self, limit: int) -> Sequence[OutboxMessage]:
        return list(self.waiting.values())[:limit]

    async def hand_over(self, keys: Sequence[OutboxKey]) -> frozenset[OutboxKey]:
        self.handed_over += [key for key in keys if key not in self.withheld]
        return frozenset(keys) - self.withheld

    async def complete(self, keys: Sequence[OutboxKey]) -> None:
        for key in keys:
            self.waiting.pop(key, None)
        if not self.waiting:
            self.due.clear()

    async def wait_for_due(self, timeout_s: float) -> bool:
        self.is_awaited.set()
        try:
            async with asyncio.timeout(timeout_s):
                return await self.due.wait()
        except TimeoutError:
            return False


class Inbound:
    def __init__(self) -> None:
        self.taken: list[tuple[DownTopic, bytes]] = []

    async def take(self, topic: DownTopic, document: bytes) -> None:
        self.taken.append((topic, document))


class Bundles:
    """Takes bundles in, but for one."""

    def __init__(self) -> None:
        self.known = ""
        self.events: list[object] = []

    async def bring(self, digest: str, file: BinaryIO) -> None:
        self.events.append((os.fstat(file.fileno()).st_size, digest))
        if digest != self.known:
            self.events.append(content_of(file, MAX_NETWORK_BUNDLE_BYTES))


class Handset:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outbox = MemoryOutbox()
        self.settings_of: Callable[[], BrokerSettings | None] = lambda: SETTINGS
        self.connection: list[tuple[BrokerState, BrokerProblem]] = []
        self.inbound = Inbound()
        self.moved: list[Traffic] = []
        self.bundles = Bundles()
        self.line = LineInMemory(can_call=None)
        role = SyncRole(
            self.outbox,
            self._settings,
            lambda *state: self.connection.append(state),
            self.inbound,
            self.count,
            bundles=self.bundles,
            line=self.line,
        )
        self.server = ControlServer(folder, {Role.SYNC: role.handlers})

    def _settings(self) -> BrokerSettings | None:
        return self.settings_of()

    async def count(self, moved: Traffic) -> None:
        self.moved.append(moved)

    async def messages(self, wait_s: float = 0) -> list[dict[str, object]]:
        answer = await ask_async(self.folder, Role.SYNC, NextRequest(wait_s=wait_s))
        messages = answer["messages"]
        assert isinstance(messages, list)
        return messages


@pytest.fixture
async def handset(tmp_path: Path) -> AsyncIterator[Handset]:
    """Run a handset whose sync process knows the broker."""
    handset = Handset(tmp_path)
    await handset.server.start()
    await ask_async(tmp_path, Role.SYNC, ConfigurationRequest())
    yield handset
    await handset.server.stop()


async def test_the_sync_process_gets_the_brokers_settings_and_the_key(handset: Handset) -> None:
    answer = await ask_async(handset.folder, Role.SYNC, ConfigurationRequest())
    assert BrokerSettings(**answer["broker"]) == SETTINGS  # type: ignore[arg-type]


async def test_a_handset_without_a_broker_says_so(handset: Handset) -> None:
    handset.settings_of = lambda: None
    assert await ask_async(handset.folder, Role.SYNC, ConfigurationRequest()) == {"broker": None}
    assert await handset.messages(wait_s=30) == []


async def test_messages_are_handed_over_as_the_protocol_says(handset: Handset) -> None:
    handset.outbox.add(1, "one")
    assert await handset.messages() == [
        {"key": [7, 1], "topic": "cdr", "qos": 1, "retain": False, "payload": {"text": "one"}}
    ]


async def test_a_message_arrives_as_it_was_queued(handset: Handset) -> None:
    handset.outbox.add(1)
    [key] = handset.outbox.waiting
    queued = OutboxMessage(key, "consent", retain=True, payload={"a": None, "b": [{"c": "ü"}, 1, 0.5, True], "d": {}})
    handset.outbox.waiting[key] = queued
    link = HandsetLink(handset.folder)
    await link.configuration()
    assert await link.next_messages(0) == [queued]


async def test_the_sync_process_hears_whether_an_account_can_call_and_of_each_change(handset: Handset) -> None:
    link = HandsetLink(handset.folder)
    assert await link.line(None, 0) is None, "nothing was known yet"
    first = asyncio.create_task(link.line(None, 60))
    await handset.line.change(can_call=False)
    assert await first is False
    assert await link.line(False, 0) is None
    changed = asyncio.create_task(link.line(False, 60))
    await handset.line.change(can_call=True)
    assert await changed is True
    # Whoever was started anew has heard nothing.
    assert await link.line(None, 0) is True


async def test_messages_come_again_until_they_are_done(handset: Handset) -> None:
    for seq in (1, 2):
        handset.outbox.add(seq)
    assert [message["key"] for message in await handset.messages()] == [[7, 1], [7, 2]]
    await ask_async(handset.folder, Role.SYNC, DoneRequest(keys=((7, 1),)))
    assert [message["key"] for message in await handset.messages()] == [[7, 2]]


async def test_a_long_poll_ends_as_soon_as_a_message_is_due(handset: Handset) -> None:
    async with asyncio.timeout(20):
        poll = asyncio.create_task(handset.messages(wait_s=60))
        await handset.outbox.is_awaited.wait()
        handset.outbox.add(1)
        assert len(await poll) == 1


async def test_no_more_messages_are_handed_over_than_one_line_holds(handset: Handset) -> None:
    for seq in range(5):
        handset.outbox.add(seq, "中" * 4000)  # 24 kB as JSON in ASCII
    messages = await handset.messages()
    assert [message["key"] for message in messages] == [[7, 0], [7, 1]]
    assert len(json.dumps(messages)) < MAX_LINE_BYTES
    assert handset.outbox.handed_over == [OutboxKey(7, 0), OutboxKey(7, 1)], "what did not fit was said to have left"


async def test_what_may_not_leave_any_more_when_it_is_written_down_stays(handset: Handset) -> None:
    for seq in (1, 2):
        handset.outbox.add(seq)
    handset.outbox.withheld = {OutboxKey(7, 1)}
    assert [message["key"] for message in await handset.messages()] == [[7, 2]]


async def test_a_message_that_fits_no_line_does_not_hold_up_the_others(
    handset: Handset, caplog: pytest.LogCaptureFixture
) -> None:
    handset.outbox.add(1, "x" * MAX_LINE_BYTES)
    handset.outbox.add(2)
    assert [message["key"] for message in await handset.messages()] == [[7, 2]]
    assert "too long for the sync process" in caplog.text


async def test_what_the_broker_sends_reaches_the_handset_as_it_is(handset: Handset) -> None:
    longest = bytes(range(256)) * (MAX_DOCUMENT_BYTES // 256)
    for document in (b"", b"\x00\xff\n", longest):
        with sealed(document) as file:
            await ask_async(handset.folder, Role.SYNC, ReceivedRequest(topic=DownTopic.POLICY), file=file)
    assert handset.inbound.taken == [(DownTopic.POLICY, each) for each in (b"", b"\x00\xff\n", longest)]


async def error_of(handset: Handset, line: dict[str, object], content: bytes) -> str:
    """Send what the sync process's own end would not, with a file in memory beside it; return why it is refused."""
    with sealed(content) as file, socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(handset.folder / "sync.sock"))
        open_files.send(connection, json.dumps(line).encode() + b"\n", file)
        answer = json.loads(await asyncio.to_thread(connection.recv, MAX_LINE_BYTES))
    assert answer["ok"] is False
    return str(answer["error"])


@pytest.mark.parametrize(
    ("line", "content", "told"),
    [
        ({"topic": "bundle"}, b"", "The request received has mistakes: a bundle comes by its digest."),
        ({"topic": "cdr"}, b"", "The request received has mistakes: topic is not as it must be."),
        ({"topic": "policy", "note": "x"}, b"", "The request received has mistakes: note is unknown."),
        ({}, b"", "The request received has mistakes: topic is missing."),
        (
            {"topic": "policy"},
            bytes(MAX_DOCUMENT_BYTES + 1),
            f"The file beside the request has more than {MAX_DOCUMENT_BYTES} bytes.",
        ),
    ],
    ids=["bundle", "topic", "more", "less", "too long"],
)
async def test_what_is_no_message_of_the_operators_is_refused_and_it_is_said_why(
    handset: Handset, line: dict[str, object], content: bytes, told: str
) -> None:
    assert await error_of(handset, {"request": "received", **line}, content) == told
    assert handset.inbound.taken == []


async def test_the_handset_hears_how_sync_stands_with_the_broker(handset: Handset) -> None:
    request = ConnectionRequest(state=BrokerState.REFUSED, code=BrokerProblem.NOT_AUTHORIZED)
    await ask_async(handset.folder, Role.SYNC, request)
    assert handset.connection == [(BrokerState.REFUSED, BrokerProblem.NOT_AUTHORIZED)]


async def test_the_handset_hears_what_sync_has_moved(handset: Handset) -> None:
    await HandsetLink(handset.folder).moved(Traffic(sent_bytes=3000, received_bytes=2000))
    assert handset.moved == [Traffic(3000, 2000)]


@pytest.mark.parametrize(
    "request_",
    [
        NextRequest(wait_s=0),
        ReceivedRequest(topic=DownTopic.ACK),
        ConnectionRequest(state=BrokerState.CONNECTED),
    ],
    ids=lambda request: request.request,
)
async def test_whoever_has_not_asked_for_the_broker_since_the_start_carries_nothing(
    tmp_path: Path, request_: Request
) -> None:
    anew = Handset(tmp_path)
    anew.outbox.add(1)
    await anew.server.start()
    try:
        with pytest.raises(ControlError, match="started anew"):
            await ask_async(tmp_path, Role.SYNC, request_, file=sealed(b"{}") if request_.takes_file else None)
        assert (anew.outbox.handed_over, anew.inbound.taken, anew.connection) == ([], [], [])
        await ask_async(tmp_path, Role.SYNC, ConfigurationRequest())
        await ask_async(tmp_path, Role.SYNC, request_, file=sealed(b"{}") if request_.takes_file else None)
        assert anew.outbox.handed_over or anew.inbound.taken or anew.connection
    finally:
        await anew.server.stop()


async def test_a_broker_that_has_heard_all_gives_way_before_anything_else_is_carried(handset: Handset) -> None:
    def has_ended() -> BrokerSettings:
        raise ControlError("The last holder's messages are delivered.")

    handset.outbox.add(1)
    handset.settings_of = has_ended
    with pytest.raises(ControlError, match="delivered"):
        await handset.messages()
    handset.settings_of = lambda: SETTINGS
    with pytest.raises(ControlError, match="started anew"):
        await handset.messages()
    with pytest.raises(ControlError, match="started anew"):
        await HandsetLink(handset.folder).received(DownTopic.BUNDLE, b"bundle")
    assert (handset.outbox.handed_over, handset.bundles.events) == ([], [])


async def test_a_bundle_crosses_the_socket_as_a_file_under_its_digest(handset: Handset) -> None:
    bundle = bytes(range(256)) * 400
    await HandsetLink(handset.folder).received(DownTopic.BUNDLE, bundle)
    assert handset.bundles.events == [(len(bundle), hashlib.sha256(bundle).hexdigest()), bundle]
    assert handset.inbound.taken == []


async def test_a_bundle_that_is_known_is_not_read(handset: Handset) -> None:
    handset.bundles.known = hashlib.sha256(b"bundle").hexdigest()
    await HandsetLink(handset.folder).received(DownTopic.BUNDLE, b"bundle")
    assert handset.bundles.events == [(6, handset.bundles.known)]


async def test_the_message_that_clears_a_bundle_offers_none(handset: Handset) -> None:
    await HandsetLink(handset.folder).received(DownTopic.BUNDLE, b"")
    assert handset.bundles.events == []


@pytest.mark.parametrize(
    "line",
    [
        {"request": "bundle_begin", "size_bytes": 1},
        {"request": "bundle"},
        {"request": "bundle", "digest": "0" * 63},
        {"request": "bundle", "digest": "0" * 64, "source": "stick"},
        {"request": "bundle_follow", "offer": "0" * 16},
        {"request": "identity"},
    ],
    ids=lambda line: str(line)[:60],
)
async def test_what_the_sync_process_may_not_ask_about_bundles_is_refused(
    handset: Handset, line: dict[str, object]
) -> None:
    assert await error_of(handset, line, b"bundle")
    assert handset.bundles.events == []
