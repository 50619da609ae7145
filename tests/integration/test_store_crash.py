import asyncio
import os
import random
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from contract.calls import DisconnectReason
from contract.consent import Purpose
from firmware.phone.call import CallId
from firmware.ports.outbox import OutboxKey
from tests.lab import chance, kills
from tests.lab.store import StoreLab
from tests.lab.warm_process import WarmProcess

KILLS = chance.counted(200, 10)
WRITER = "tests.lab.store_writer"
kills.load(WRITER)


@dataclass
class Acknowledged:
    """What the handsets said until they were killed."""

    granted: bool = False
    opened: set[CallId] = field(default_factory=set)
    closed: set[CallId] = field(default_factory=set)
    may_be_sent: set[CallId] = field(default_factory=set)
    sent: set[CallId] = field(default_factory=set)
    may_be_purged: set[CallId] = field(default_factory=set)
    purged: set[CallId] = field(default_factory=set)
    keys: dict[OutboxKey, str] = field(default_factory=dict)

    def hear(self, line: str) -> None:
        match line.split():
            case ["opened", call_id]:
                self.opened.add(CallId(call_id))
            case ["closed", call_id]:
                self.closed.add(CallId(call_id))
            case ["completing", epoch, seq, call_id]:
                self.may_be_sent.add(CallId(call_id))
                self.note_key(OutboxKey(int(epoch), int(seq)), call_id)
            case ["completed", _, _, call_id]:
                self.sent.add(CallId(call_id))
            case ["withdrawing"]:
                self.may_be_purged |= self.opened
            case ["withdrawn"]:
                self.purged |= self.opened
            case ["granted"]:
                self.granted = True
            case ["starting"] | ["started"]:
                pass
            case other:
                pytest.fail(f"The handset said {other}")

    def note_key(self, key: OutboxKey, call_id: str) -> None:
        assert self.keys.setdefault(key, call_id) == call_id, "a number was given out twice"


def run_until_killed(folder: Path, round_number: int, rng: random.Random, heard: Acknowledged) -> None:
    """Run a handset, kill it at a moment of chance, and take in all that it said."""
    reading, writing = os.pipe()
    arguments = (str(folder), str(round_number), str(rng.getrandbits(32)))
    with os.fdopen(reading, encoding="utf-8") as said, os.fdopen(writing, "wb") as its_output:
        handset = WarmProcess(WRITER, *arguments, streams=(0, its_output.fileno(), 2))
        its_output.close()
        # Not the first one: something has to have come to its end.
        lines_to_wait_for = rng.choice((1, 2, 3, rng.randint(3, 150))) if round_number else 150
        for _ in range(lines_to_wait_for):
            line = said.readline()
            assert line, "the handset ended by itself"
            heard.hear(line)
        # Not to wait for anything: a write takes about a millisecond, and the kill is to fall anywhere within it.
        with pytest.raises(subprocess.TimeoutExpired):
            handset.wait(rng.uniform(0, 0.003))
        handset.kill()
        for line in said:
            heard.hear(line)
        assert handset.wait() == -signal.SIGKILL


async def check(folder: Path, heard: Acknowledged, *, recover: bool) -> None:
    """Open the store as the next handset would and compare it with what was acknowledged."""
    lab = StoreLab(folder)
    await lab.start()
    if recover:
        await lab.call_log.recover_interrupted()
    log = {entry.call_id: entry.reason for entry in await lab.call_log.recent(1_000_000)}
    records = [message for message in await lab.outbox.next_batch(1_000_000) if message.topic == "cdr"]
    state = await lab.consents.state()
    await lab.stop()

    assert state.intact
    assert state.granted(Purpose.CDR_SYNC) or heard.may_be_purged or not heard.granted
    assert heard.opened <= set(log), "an acknowledged call is lost"
    assert all(log[call_id] is DisconnectReason.REMOTE_HANGUP for call_id in heard.closed), (
        "an acknowledged end is lost"
    )

    waiting = [CallId(str(message.payload["id"])) for message in records]
    assert len(waiting) == len(set(waiting)), "a record waits twice"
    for message in records:
        heard.note_key(message.key, str(message.payload["id"]))
    calls_with_key = [call_id for call_id in heard.keys.values() if call_id != "-"]
    assert len(calls_with_key) == len(set(calls_with_key)), "a call was queued again under another number"
    over = {call_id for call_id, reason in log.items() if reason is not None}
    assert over - heard.may_be_sent - heard.may_be_purged <= set(waiting), "a call is over and its record is lost"
    assert not heard.sent & set(waiting), "a record that the broker has waits again"
    assert not heard.purged & set(waiting), "a record outlived the withdrawal of consent"
    if recover:
        assert None not in log.values()
    # Calls that were written and not acknowledged count from here on: they are in the log and must stay there.
    heard.opened |= set(log)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_no_acknowledged_call_is_lost_or_doubled_when_the_handset_is_killed_at_any_moment(memory: Path) -> None:
    rng = chance.dice()
    heard = Acknowledged()
    for round_number in range(KILLS):
        run_until_killed(memory, round_number, rng, heard)
        asyncio.run(check(memory, heard, recover=False))
    asyncio.run(check(memory, heard, recover=True))
    assert len(heard.closed) > KILLS
    assert heard.sent
