"""A handset that does nothing but write to its store, and says on standard output what it did, until it is killed.

Its arguments are a folder, the number of its life, and what decides by chance.

A line is written once what it says is acknowledged by the store; lines that end in "ing" say what comes next.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from firmware.phone.call import CallId
from firmware.phone.commands import CloseCallRecord, OpenCallRecord
from tests.lab.store import StoreLab


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def write(folder: Path, round_number: int, rng: random.Random) -> None:
    lab = StoreLab(folder)
    say("starting")
    await lab.start()
    await lab.call_log.recover_interrupted()
    say("started")
    await lab.consents.grant(Purpose.CDR_SYNC)
    say("granted")
    count = 0
    while True:
        count += 1
        await call(lab, CallId(f"{round_number:016x}{count:016x}"), rng)
        if rng.random() < 0.2:
            await hand_over(lab, rng)
        if rng.random() < 0.03:
            say("withdrawing")
            await lab.consents.withdraw(Purpose.CDR_SYNC)
            say("withdrawn")
            await lab.consents.grant(Purpose.CDR_SYNC)
            say("granted")


async def call(lab: StoreLab, call_id: CallId, rng: random.Random) -> None:
    await lab.call_log.open_record(OpenCallRecord(call_id, rng.choice(list(CallDirection)), "+861012345678", ""))
    say("opened", call_id)
    if rng.random() < 0.5:
        await lab.call_log.mark_answered(call_id)
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200))
    say("closed", call_id)


async def hand_over(lab: StoreLab, rng: random.Random) -> None:
    batch = await lab.outbox.next_batch(rng.randint(1, 10))
    for message in batch:
        say("completing", message.key.epoch, message.key.seq, message.payload.get("id", "-"))
    await lab.outbox.complete([message.key for message in batch])
    for message in batch:
        say("completed", message.key.epoch, message.key.seq, message.payload.get("id", "-"))


def main() -> None:
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))))
