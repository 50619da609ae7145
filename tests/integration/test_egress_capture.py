"""Every byte that the handset sends to its broker in a day of calls, read at a relay that ends TLS between them."""

import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId
from firmware.phone.commands import CloseCallRecord
from firmware.ports.broker import BrokerState
from tests.lab.captured import DISCOVERY_TOPIC, RECORD_FIELDS, Capture, check_connections, check_publishes
from tests.lab.relay import Relay
from tests.lab.store import KEY, USER
from tests.lab.sync_site import DEVICE, PREFIX, SyncSite

CALLS: Final = 400
SEED: Final = 7

NAMES: Final = ("Planted Zhang", "栽植王", "Planted Müller")
PLANTED: Final = (
    *NAMES,
    "4007654321",  # a contact's number that nobody calls
    "90817263",  # a PIN keyed after a pause
    "planted-password", "planted-parameter", "planted-header", "Planted Display",  # parts of a caller's URI
    USER, "sip.example.org",  # the SIP account
    KEY.hex(),
)  # fmt: skip


class Day:
    """A handset's day: what was called, and in which of the day's parts."""

    def __init__(self, site: SyncSite) -> None:
        self.site = site
        self._rng = random.Random(SEED)
        self._next_number = 13800000000
        self.numbers: dict[CallId, str] = {}

    async def make_call(self) -> CallId:
        """Make a call of some kind; what may be reported of its number is one that no other call has."""
        self._next_number += 1
        number = str(self._next_number)
        rng = self._rng
        party = rng.choice(
            [
                number,
                f"+86{number}",
                f"{number},,90817263#",
                f"sip:{number}:planted-password@host.example;planted-parameter=1?planted-header=2",
            ]
        )
        direction = rng.choice(list(CallDirection))
        if direction is CallDirection.INCOMING and rng.random() < 0.2:
            party = f'"Planted Display" <{party}>'
        call_id = await self.site.store.make_call(
            party,
            direction,
            dialled=party if direction is CallDirection.OUTGOING else "",
            reason=rng.choice([reason for reason in DisconnectReason if reason is not DisconnectReason.INTERRUPTED]),
            answered=rng.random() < 0.7,
        )
        self.numbers[call_id] = number
        return call_id

    async def make_calls(self, count: int) -> set[CallId]:
        return {await self.make_call() for _ in range(count)}


@pytest.mark.timeout(300)
async def test_a_day_of_calls_sends_the_allowed_fields_of_the_allowed_messages_and_nothing_else(tmp_path: Path) -> None:
    async with SyncSite(tmp_path) as site:
        assert site.settings is not None
        assert site.settings.key_pem is not None
        key_lines = site.settings.key_pem.splitlines()[1:-1]
        for name in NAMES:
            await site.store.add_contact(name, ["4007654321", "13800000005"])
        day = Day(site)
        async with Relay(site.authority, site.authority.issue(DEVICE), site.broker.port) as relay:
            site.change_settings(port=relay.port)
            await site.start_sync()
            unwanted = await calls_before_the_holder_agrees(day, relay)
            wanted = await calls_under_consent(day, relay)
            unwanted |= await calls_around_a_withdrawal(day, relay)
            await asyncio.to_thread(site.sync.stop)
        capture = Capture(relay)
    assert capture.calls == set(wanted)
    assert capture.documents("status")[-1] == {"state": "offline"}
    assert wanted <= capture.erased
    assert len(capture.connections) >= 3
    check_connections(capture)
    check_publishes(capture)
    check_records(capture, day)
    check_that_nothing_is_in_it(capture, (*PLANTED, *key_lines, *unwanted, *(day.numbers[call] for call in unwanted)))


async def calls_before_the_holder_agrees(day: Day, relay: Relay) -> set[CallId]:
    """Make calls without consent, one of them still going on when the holder agrees."""
    site = day.site
    await site.wait_for_report(BrokerState.CONNECTED)
    await site.store.consents.announce()
    calls = await day.make_calls(40)
    going_on = await site.store.open_call("13900000000")
    day.numbers[going_on] = "13900000000"
    await site.wait_until_empty()
    capture = Capture(relay)
    assert {publish.topic for publish in capture.publishes} == {
        f"{PREFIX}/status",
        f"{PREFIX}/consent",
        DISCOVERY_TOPIC,
    }
    assert capture.is_granted == [False]
    await site.grant()
    await site.store.call_log.close_record(CloseCallRecord(going_on, DisconnectReason.REMOTE_HANGUP, 200))
    return calls | {going_on}


async def calls_under_consent(day: Day, relay: Relay) -> set[CallId]:
    """Make half of the calls while the broker is there and half while it is not."""
    calls = await day.make_calls(CALLS // 2)
    await day.site.wait_for_calls(set(calls))
    assert Capture(relay).is_granted[-1] is True
    await relay.stop()
    calls |= await day.make_calls(CALLS // 2)
    await relay.start()
    await day.site.wait_for_calls(set(calls))
    return calls


async def calls_around_a_withdrawal(day: Day, relay: Relay) -> set[CallId]:
    """Make calls that wait for the broker when the holder withdraws, and some afterwards."""
    site = day.site
    await relay.stop()
    calls = await day.make_calls(40)
    assert await site.store.outbox.waiting() == 40
    await site.withdraw()
    assert await site.store.outbox.waiting() == 2, "more than the state of consent and the notice of erasure waits"
    calls |= await day.make_calls(10)
    await relay.start()
    await site.wait_until_empty()
    assert Capture(relay).is_granted[-1] is False
    return calls


def check_records(capture: Capture, day: Day) -> None:
    for document in capture.documents("cdr"):
        assert set(document) == {"records"}
        for record in document["records"]:
            assert set(record) == RECORD_FIELDS
            assert set(record["clock_quality"]) == {"synced", "boot_id"}
            number = day.numbers[record["id"]]
            assert record["number"] in {number, f"+86{number}", f"sip:{number}@host.example", None}


def check_that_nothing_is_in_it(capture: Capture, secrets: Sequence[str]) -> None:
    for secret in secrets:
        for form in (secret.encode(), json.dumps(secret)[1:-1].encode(), secret.encode().hex().encode()):
            assert form not in capture.raw
