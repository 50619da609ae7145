"""The script of `make demo ONCE=1`: one call by simulated keys, checked at every end."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from tests.lab.audio import (
    RATE_HZ,
    Recorder,
    Sound,
    chirp_train,
    find_tone,
    first_heard_at,
    gaps,
    latency_between,
    start_playing,
    tone,
)
from tests.lab.mosquitto import Observer
from tests.lab.phone_page import PhonePage
from tests.lab.stage import PEER_USER, Stage

DIAL_TONE_HZ = (350, 440)
SPOKEN_HZ = 1000
TALK_S = 5.0


class StepError(Exception):
    """A step of the demo failed; each step has its own exit code."""

    def __init__(self, exit_code: int, step: str, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.step = step


async def make_one_call(stage: Stage, say: Callable[[str], None]) -> dict[str, Any]:
    """Lift, dial, talk, listen, hang up, and wait for the call's record; return what was seen.

    Raises:
        StepError: a step did not do what it should.
    """
    assert stage.pulse is not None
    # alsa-lib reads these when a PCM is opened in this process.
    os.environ.update(stage.pulse.environment)
    summary: dict[str, Any] = {}
    with Observer(stage.broker) as observer:
        await _wait_for_registration(stage)
        say("registered; granting consent to sync call records")
        await asyncio.to_thread(stage.handset.command, "consent", "grant", "cdr_sync")
        async with PhonePage(stage.handset.url) as page:
            say("lifting the handset")
            summary["dial_tone_ms"] = await _hear_dial_tone(page)
            say(f"dialling {PEER_USER}")
            await page.dial(PEER_USER)
            summary["answered_after_s"] = await _wait_for_answer(stage)
            say("talking")
            summary |= await _talk()
            say("hanging up")
            await page.replace()
            await _wait_for_idle(stage)
        say("waiting for the call's record at an independent subscriber")
        summary["record"] = await _wait_for_record(observer)
    return summary


async def _status(stage: Stage) -> Any:
    return await asyncio.to_thread(stage.handset.ask, "status")


async def _until(stage: Stage, reached: Callable[[Any], bool], timeout_s: float) -> Any:
    ends_s = time.monotonic() + timeout_s
    while True:
        status = await _status(stage)
        if reached(status):
            return status
        if time.monotonic() > ends_s:
            raise TimeoutError(str(status))
        await asyncio.sleep(0.1)


async def _wait_for_registration(stage: Stage) -> None:
    try:
        await _until(stage, lambda status: status["registration"] == "registered", 15)
    except TimeoutError as error:
        raise StepError(11, "register", f"The handset did not register within 15 s: {error}") from error


async def _hear_dial_tone(page: PhonePage) -> int:
    ear = await asyncio.to_thread(Recorder("ear_monitor").start)
    lifted_at = time.monotonic()
    await page.lift()
    await asyncio.sleep(1.5)
    heard_at = first_heard_at(await asyncio.to_thread(ear.stop), DIAL_TONE_HZ)
    if heard_at is None:
        raise StepError(12, "dial tone", "The handset was lifted, but no dial tone came to the earpiece.")
    return round((heard_at - lifted_at) * 1000)


async def _wait_for_answer(stage: Stage) -> float:
    began_s = time.monotonic()
    try:
        await _until(stage, lambda status: status["call"] == "active" and status["microphone_open"], 15)
    except TimeoutError as error:
        raise StepError(13, "answer", f"The echo line did not answer within 15 s: {error}") from error
    return round(time.monotonic() - began_s, 2)


async def _talk() -> dict[str, Any]:
    """Say a tone and some chirps, and look for both in the echo."""
    ear = await asyncio.to_thread(Recorder("ear_monitor").start)
    mouth = await asyncio.to_thread(Recorder("mic_monitor").start)
    await asyncio.to_thread(start_playing("mic", tone([SPOKEN_HZ], TALK_S)).join)
    await asyncio.to_thread(start_playing("mic", chirp_train(5)).join)
    await asyncio.sleep(0.7)
    heard, said = await asyncio.to_thread(ear.stop), await asyncio.to_thread(mouth.stop)
    spans = find_tone(heard, [SPOKEN_HZ])
    total_s = sum(span.duration_s for span in spans)
    if total_s < 0.9 * TALK_S:
        raise StepError(14, "talk", f"Of {TALK_S:.0f} s that were said only {total_s:.1f} s came back.")
    first = spans[0].start_s
    during: Sound = heard.between(first, first + TALK_S - 0.1)
    delay = latency_between(said, heard)
    return {
        "echo_s": round(total_s, 2),
        "longest_gap_ms": max((round(gap.duration_s * 1000) for gap in gaps(during, SPOKEN_HZ)), default=0),
        "round_trip_ms": round(delay.median_ms) if delay.values_ms else None,
        "sample_rate_hz": RATE_HZ,
    }


async def _wait_for_idle(stage: Stage) -> None:
    try:
        await _until(stage, lambda status: status["mode"] == "idle" and not status["microphone_open"], 10)
    except TimeoutError as error:
        raise StepError(15, "hang up", f"The handset was put down, but the phone is not idle: {error}") from error


async def _wait_for_record(observer: Observer) -> dict[str, Any]:
    ends_s = time.monotonic() + 20
    while not (reports := [message for message in observer.received if message.topic.endswith("/cdr")]):
        if time.monotonic() > ends_s:
            topics = sorted({message.topic for message in observer.received})
            raise StepError(16, "call record", f"No call record came to the broker, but {topics}.")
        await asyncio.sleep(0.1)
    (record,) = reports[0].document["records"]
    if record["number"] != PEER_USER or record["answered_at"] is None:
        raise StepError(17, "call record", "A call record came, but it is not this call's.")
    return {name: record[name] for name in ("direction", "result", "seq")}
