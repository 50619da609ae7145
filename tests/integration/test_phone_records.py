"""Call records of the whole phone, from its keys to an independent reader at the broker, through kills and outages."""

import asyncio
import hashlib
import json
import os
import random
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from contract.discovery import discovery_topic
from firmware.phone.my_data import DataCategory
from firmware.privacy.retention import DAY_S
from firmware.store.database import Database
from provisioning.retention import Retention
from tests.lab import chance
from tests.lab.guarded_store import open_store_of
from tests.lab.mosquitto import Observer, Operator, Received
from tests.lab.person import Person
from tests.lab.scripted_peer import ScriptedPeer
from tests.lab.stage import DEVICE, FLEET, HANDSET_USER, PEER_USER, Choices, Stage

KILLS = chance.counted(200, 5)
PREFIX = f"wecall/v1/{FLEET}/{DEVICE}"
PURPOSE = "cdr_sync"
# So long that random ids do not hold it by chance.
UNTOLD = "0305557001"

Record = dict[str, Any]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    quick_to_return = {"sync": {"retry_base_s": 0.1, "retry_cap_s": 1}}
    with Stage(tmp_path_factory.mktemp("stage"), Choices(extra=quick_to_return)) as stage:
        yield stage


@pytest.fixture
def observer(stage: Stage) -> Iterator[Observer]:
    with Observer(stage.broker) as observer:
        yield observer


@pytest.fixture
def consent(stage: Stage) -> Iterator[None]:
    """The holder has agreed that call records leave the phone."""
    stage.handset.command("consent", "grant", PURPOSE)
    yield
    stage.handset.command("consent", "withdraw", PURPOSE)


@contextmanager
def broker_away(stage: Stage, observer: Observer) -> Iterator[None]:
    """Take the broker away with a kill; when it is back, the observer hears it before the phone speaks."""
    stage.broker.kill()
    yield
    os.kill(stage.handset.sync.pid, signal.SIGSTOP)
    subscriptions = observer.subscriptions
    stage.broker.start()
    observer.wait_for_subscription(subscriptions + 1)
    os.kill(stage.handset.sync.pid, signal.SIGCONT)


def records_in(messages: list[Received]) -> list[Record]:
    """All records in all messages, repeats included."""
    return [
        record for message in messages if message.topic == f"{PREFIX}/cdr" for record in message.document["records"]
    ]


async def traffic(stage: Stage) -> dict[str, int]:
    """What the phone tells of the bytes of today."""
    [today] = (await stage.handset.status())["traffic"]
    assert today["when"] == "today"
    return {name: count for name, count in today.items() if name != "when"}


def is_online(messages: list[Received]) -> bool:
    """Whether that is the newest that the phone has said of itself."""
    return [each.document["state"] for each in messages if each.topic == f"{PREFIX}/status"][-1:] == ["online"]


async def wait_for_numbers(observer: Observer, numbers: set[str], timeout_s: float = 20) -> list[Record]:
    """Wait until there are records of all these numbers, and return every record."""

    def have_come(messages: list[Received]) -> bool:
        return numbers <= {record["number"] for record in records_in(messages)}

    return records_in(await asyncio.to_thread(observer.wait_for, have_come, timeout_s))


async def try_number(person: Person, number: str) -> None:
    """Call a number that nobody has, and hang up."""
    await person.lift()
    await person.dial(f"{number}#")
    await person.wait_for_mode("call_ended")
    await person.hang_up()


async def test_without_consent_no_call_leaves_the_phone(stage: Stage, observer: Observer, person: Person) -> None:
    await try_number(person, UNTOLD)
    await asyncio.to_thread(stage.handset.command, "consent", "grant", PURPOSE)
    await try_number(person, "7002")
    records = await wait_for_numbers(observer, {"7002"})
    await asyncio.to_thread(stage.handset.command, "consent", "withdraw", PURPOSE)
    # The outbox keeps its order: what was made before has come before, or never does.
    assert [record["number"] for record in records] == ["7002"]
    ours = {f"{PREFIX}/{name}" for name in ("status", "consent", "cdr", "erasure")}
    assert {message.topic for message in observer.received} <= ours | {discovery_topic(DEVICE)}
    assert UNTOLD[1:] not in repr([message.payload for message in observer.received])
    logged = {call["number"] for call in stage.handset.ask("log")}
    assert {UNTOLD, "7002"} <= logged


def test_a_call_that_comes_while_the_phone_starts_is_in_the_log(stage: Stage) -> None:
    """It registers before its store is open."""
    handset = stage.handset
    handset.stop()
    handset.launch()
    with ScriptedPeer(stage.kamailio.udp_port, user="early-bird") as caller:
        while not stage.kamailio.is_registered(HANDSET_USER):
            time.sleep(0.001)
        caller.invite(HANDSET_USER)
        caller.receive(180)
        caller.cancel()
        caller.acknowledge(caller.receive(487))
    handset.wait_until_ready()
    assert [call["number"] for call in handset.ask("log")].count("early-bird") == 1


async def test_withdrawal_has_the_broker_told_to_delete_what_it_got(
    stage: Stage, observer: Observer, person: Person
) -> None:
    await asyncio.to_thread(stage.handset.command, "consent", "grant", PURPOSE)
    await try_number(person, "7003")
    [record] = await wait_for_numbers(observer, {"7003"})
    await asyncio.to_thread(stage.handset.command, "consent", "withdraw", PURPOSE)

    def is_taken_back(messages: list[Received]) -> bool:
        ranges = [
            each
            for message in messages
            if message.topic == f"{PREFIX}/erasure" and message.document["reason"] == "withdrawn"
            for each in message.document["records"]
        ]
        return any(
            each["epoch"] == record["epoch"] and each["first"] <= record["seq"] <= each["last"] for each in ranges
        )

    def is_announced(messages: list[Received]) -> bool:
        *_, newest = (message.document["purposes"] for message in messages if message.topic == f"{PREFIX}/consent")
        return {answer["purpose"]: answer["granted"] for answer in newest}[PURPOSE] is False

    await asyncio.to_thread(observer.wait_for, is_taken_back)
    await asyncio.to_thread(observer.wait_for, is_announced)


async def test_across_a_border_numbers_leave_as_pseudonyms_until_the_holder_agrees(tmp_path: Path) -> None:
    abroad = {"sync": {"region": "DE"}}
    with Stage(tmp_path / "stage", Choices(extra=abroad)) as stage, Observer(stage.broker) as observer:
        async with Person(stage.handset) as person:
            await person.wait_for_line()
            await asyncio.to_thread(stage.handset.command, "consent", "grant", PURPOSE)
            await try_number(person, UNTOLD)
            await asyncio.to_thread(stage.handset.command, "consent", "grant", "cross_border_cdr")
            await try_number(person, "7005")
            records = await wait_for_numbers(observer, {"7005"})
    assert [record["number"][:2] for record in records] == ["p:", "70"]
    assert UNTOLD[1:] not in repr([message.payload for message in observer.received])


async def test_a_call_whose_days_are_over_is_gone_once_the_phone_has_started(stage: Stage) -> None:
    async with Person(stage.handset) as person:
        await person.wait_for_line()
        await try_number(person, "7006")
    await asyncio.to_thread(stage.handset.main.stop)
    store = await open_store_of(stage.handset.state_dir)

    def grow_old(database: Database) -> None:
        """As if the handset had been running for all of the days since that call."""
        [(newest,)] = database.query("SELECT max(position) FROM calls")
        [(witnessed_s,)] = database.query("SELECT said ->> '$.witnessed_s' FROM witness")
        database.execute(
            "INSERT OR REPLACE INTO retention_marks (witnessed_s, positions) VALUES (?, ?)",
            witnessed_s,
            json.dumps({DataCategory.CALLS: newest}),
        )
        database.execute(
            "UPDATE witness SET said = json_set(said, '$.witnessed_s', ?)", witnessed_s + Retention().calls_days * DAY_S
        )

    await store.transact(grow_old)
    await store.stop()
    await asyncio.to_thread(stage.handset.main.start)
    async with Person(stage.handset) as person:
        await person.wait_for(lambda _status: not stage.handset.ask("log"))


async def test_the_operator_hears_what_became_of_what_it_sent_and_nothing_that_was_in_it(
    stage: Stage, observer: Observer
) -> None:
    document = b"a planted policy that nobody has signed"

    def send(payload: bytes) -> None:
        with Operator(stage.broker) as operator:
            operator.send(f"{PREFIX}/policy", payload, retain=True)

    def outcomes(messages: list[Received]) -> list[Record]:
        return [message.document for message in messages if message.topic == f"{PREFIX}/outcome"]

    await asyncio.to_thread(send, document)
    [outcome] = outcomes(await asyncio.to_thread(observer.wait_for, lambda messages: bool(outcomes(messages)), 40))
    assert set(outcome) == {"device", "message", "code", "epoch", "seq"}
    assert (outcome["message"], outcome["code"]) == (hashlib.sha256(document).hexdigest(), "unreadable")
    await asyncio.to_thread(send, b"")


@pytest.mark.usefixtures("consent")
async def test_a_call_becomes_one_record_with_its_facts(stage: Stage, observer: Observer, person: Person) -> None:
    await person.call(PEER_USER)
    await person.hang_up()
    (record,) = await wait_for_numbers(observer, {PEER_USER})
    assert set(record) == {
        "id", "device", "account", "direction", "number", "started_at", "answered_at", "ended_at", "result", "sip_code",
        "clock_quality", "epoch", "seq",
    }  # fmt: skip
    assert record["device"] == DEVICE
    assert (record["direction"], record["number"], record["result"]) == ("outgoing", PEER_USER, "local_hangup")
    assert record["started_at"] <= record["answered_at"] <= record["ended_at"]
    # Random, so that three digits of the account's own user may stand in it by chance: the whole form is what counts.
    assert re.fullmatch("[0-9a-f]{32}", record["account"])


@pytest.mark.usefixtures("consent")
async def test_calls_that_come_in_are_recorded_by_how_they_ended(
    stage: Stage, observer: Observer, person: Person
) -> None:
    def results(messages: list[Received]) -> list[str]:
        return [record["result"] for record in records_in(messages) if record["direction"] == "incoming"]

    mark = len(stage.peer.events)
    stage.peer.call(stage.handset_uri)
    await person.wait_for_mode("ringing")
    # While one rings two more wait, and there is no place for another.
    for _ in range(2):
        mark = stage.peer.wait_for("ringing", after=mark)
        stage.peer.call(stage.handset_uri)
    mark = stage.peer.wait_for("ringing", after=mark)
    stage.peer.call(stage.handset_uri)
    stage.peer.wait_for("ended 486", after=mark)
    stage.peer.hang_up()
    await person.wait_for_mode("idle")
    stage.peer.call(stage.handset_uri)
    await person.wait_for_mode("ringing")
    await person.press("cancel")
    await person.wait_for_mode("idle")
    stage.peer.call(stage.handset_uri)
    await person.wait_for_mode("ringing")
    await person.lift()
    stage.peer.wait_for("answered", after=mark)
    stage.peer.hang_up()
    await person.wait_for_mode("call_ended")
    expected = ["busy", *["cancelled"] * 3, "rejected", "remote_hangup"]
    messages = await asyncio.to_thread(observer.wait_for, lambda messages: len(results(messages)) >= len(expected))
    assert results(messages) == expected


@pytest.mark.usefixtures("consent")
async def test_withdrawing_deletes_what_waits(stage: Stage, observer: Observer, person: Person) -> None:
    with broker_away(stage, observer):
        await try_number(person, "7101")
        await person.wait_for(lambda status: status["waiting_messages"] > 0)
        await asyncio.to_thread(stage.handset.command, "consent", "withdraw", PURPOSE)
        await asyncio.to_thread(stage.handset.command, "consent", "grant", PURPOSE)
        await try_number(person, "7102")
    await wait_for_numbers(observer, {"7102"})
    assert "7101" not in {record["number"] for record in records_in(observer.received)}
    await person.wait_for(lambda status: status["waiting_messages"] == 0)


@pytest.mark.usefixtures("consent")
async def test_what_piles_up_while_the_broker_is_away_is_sent_when_it_is_back(
    stage: Stage, observer: Observer, person: Person
) -> None:
    numbers = {f"72{number:02}" for number in range(12)}
    with broker_away(stage, observer):
        for number in sorted(numbers):
            await try_number(person, number)
        await person.wait_for(lambda status: status["broker"] == "unreachable")
        await person.reads("Call data cannot be sent right now.")
    records = await wait_for_numbers(observer, numbers)
    assert_each_call_has_one_record(records)
    await person.wait_for(lambda status: status["broker"] == "connected" and status["waiting_messages"] == 0)


@pytest.mark.usefixtures("consent")
async def test_a_broker_that_has_forgotten_what_it_kept_is_told_again_what_the_holder_agrees_to(
    stage: Stage, person: Person
) -> None:
    await person.wait_for(lambda status: status["broker"] == "connected" and status["waiting_messages"] == 0)
    stage.broker.forget()
    await person.wait_for(lambda status: status["broker"] == "unreachable")
    stage.broker.start()
    await person.wait_for(lambda status: status["broker"] == "connected" and status["waiting_messages"] == 0)

    def is_told(messages: list[Received]) -> bool:
        told = [each.document for each in messages if each.topic == f"{PREFIX}/consent"]
        return any(answer["granted"] for each in told for answer in each["purposes"] if answer["purpose"] == PURPOSE)

    with Observer(stage.broker) as reader:
        await asyncio.to_thread(reader.wait_for, is_told)


@pytest.mark.feature("broker traffic")
async def test_the_phone_tells_what_its_broker_costs_and_a_kill_takes_none_of_it_back(
    stage: Stage, observer: Observer
) -> None:
    await asyncio.to_thread(observer.wait_for, is_online)
    # What has been moved is told when the connection ends.
    with broker_away(stage, observer):
        async with asyncio.timeout(30):
            # Less than a handshake with two certificates would be no count at all.
            while min((told := await traffic(stage)).values()) < 1000:  # noqa: ASYNC110 - nothing tells of a count
                await asyncio.sleep(0.1)
    words = await asyncio.to_thread(stage.handset.command, "status")
    assert re.search(r"traffic +today \d+\.\d kB sent, \d+\.\d kB received", words)
    await asyncio.to_thread(stage.handset.main.kill)
    await asyncio.to_thread(stage.handset.main.start)
    assert (await traffic(stage))["sent_bytes"] >= told["sent_bytes"]


@pytest.mark.usefixtures("consent")
async def test_a_power_cut_in_a_call_is_reported_as_interrupted_once(stage: Stage, observer: Observer) -> None:
    stage.kamailio.route("7301", stage.peer_uri)
    async with Person(stage.handset) as person:
        await person.wait_for_line()
        await person.call("7301#")
        while not (await read_log(stage))[0]["answered"]:
            pass
    stage.handset.cut_power()
    stage.peer.hang_up()
    stage.kamailio.forget(HANDSET_USER)
    stage.handset.start(sync=False)
    records = await wait_for_numbers(observer, {"7301"})
    (record,) = [record for record in records if record["number"] == "7301"]
    assert (record["result"], record["ended_at"]) == ("interrupted", None)
    assert record["answered_at"] is not None
    async with Person(stage.handset) as again:
        await again.wait_for_line()
        await try_number(again, "7302")
        records = await wait_for_numbers(observer, {"7302"})
    assert [record["number"] for record in records].count("7301") == 1


@pytest.mark.usefixtures("consent")
@pytest.mark.soak
@pytest.mark.timeout(chance.counted(7200, 1800))
async def test_kills_at_moments_of_chance_lose_no_call_and_double_none(stage: Stage, observer: Observer) -> None:
    dice = chance.dice()
    begun: set[str] = set()
    for kill in range(KILLS):
        begun |= await make_calls_until_killed(stage, dice, first_number=10 * kill)
    async with Person(stage.handset) as person:
        await person.wait_for_line()
        await try_number(person, "8999")
    logged = {call["number"] for call in await read_log(stage) if call["number"].startswith("8")}
    # The outbox keeps its order: with the last record all others have come.
    records = await wait_for_numbers(observer, {"8999"}, timeout_s=60)
    by_number = assert_each_call_has_one_record(records)
    print(f"{KILLS} kills, {len(begun)} calls begun, {len(by_number)} records")  # noqa: T201 - a figure to look at
    assert begun | logged <= set(by_number)


async def make_calls_until_killed(stage: Stage, dice: random.Random, *, first_number: int) -> set[str]:
    """Make calls, kill a process of the phone at a moment of chance, and start that again.

    Returns:
        the numbers whose call was seen to have gone out.
    """
    begun: set[str] = set()
    handset = stage.handset
    victim = dice.choice([handset.main, handset.main, handset.sync, None])
    answered = dice.random() < 0.3

    async def make_calls() -> None:
        async with Person(stage.handset) as person:
            await person.wait_for_line()
            for number in (f"8{first_number + count:04}" for count in range(10)):
                if answered:
                    stage.kamailio.route(number, stage.peer_uri)
                await person.lift()
                await person.dial(f"{number}#")
                # The far end has answered something, so the INVITE had gone out: its record must be on the disk.
                await person.wait_for(lambda status: status["mode"] in {"call_ended", "in_call"})
                begun.add(number)
                await person.hang_up()

    calls = asyncio.create_task(make_calls())
    await asyncio.wait({calls}, timeout=dice.uniform(0.05, 0.8))
    if victim is None:
        handset.voice.die()
    else:
        victim.kill()
    if victim is not handset.sync:
        # Its socket and its page are gone with the handset, its calls with voice.
        await asyncio.wait({calls}, timeout=5)
    calls.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await calls
    stage.peer.hang_up()
    if victim is not None and dice.random() < 0.2:
        # Once more while it is starting, when it may be writing down what the first kill interrupted.
        victim.launch()
        await asyncio.sleep(dice.uniform(0.1, 0.5))
        victim.kill()
    if victim is not None:
        await asyncio.to_thread(victim.start)
    async with Person(stage.handset) as person:
        await person.hang_up()
    return begun


async def read_log(stage: Stage) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = await asyncio.to_thread(stage.handset.ask, "log", "--limit", "100")
    return answer


def assert_each_call_has_one_record(records: list[Record]) -> dict[str, Record]:
    """Drop repeats as a consumer does, by device, epoch and number; what is left is one record a call.

    Returns:
        the records by number.
    """
    unique: dict[tuple[str, int, int], str] = {}
    for record in records:
        content = json.dumps(record, sort_keys=True)
        key = (record["device"], record["epoch"], record["seq"])
        assert unique.setdefault(key, content) == content, "a repeat differs from the first"
    by_number: dict[str, Record] = {}
    for content in unique.values():
        record = json.loads(content)
        assert record["number"] not in by_number, f"two records of one call: {record}, {by_number[record['number']]}"
        by_number[record["number"]] = record
    return by_number
