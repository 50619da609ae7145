"""Somebody at the simulated handset: lifts it, presses its keys, reads its display, speaks and listens."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from firmware.display.model import Icon
from tests.lab.audio import Recorder, Sound, find_tone, gaps, play, playing, tone
from tests.lab.display_reader import begins, says, shows
from tests.lab.handset import Handset
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.phone_page import PhonePage
from tests.lab.priority import ran_and_waited_s

Status = Mapping[str, Any]

_POLL_S = 0.02
_AT_REST = frozenset({"idle", "unprovisioned"})
_ECHO_TAKES_S = 0.7
_LEAST_PART = 0.9
_LONGEST_GAP_S = 0.04
_STRETCHES, _WHOLE = 5, 3
_WINDOW_S = 0.3


class Person(PhonePage):
    """A page of the simulator, with eyes, a mouth and ears.

    Speaking and listening need the stage's sound devices in this process's environment.
    """

    def __init__(self, handset: Handset) -> None:
        super().__init__(handset.url)
        self._handset = handset

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await self.wait_until(lambda page: bool(page.state and page.frame), PATIENCE_S)
        return self

    # --- eyes ---------------------------------------------------------------------------------------------------------

    async def status(self) -> Status:
        """What the handset says of itself."""
        return await self._handset.status()

    async def wait_for(self, reached: Callable[[Status], bool], timeout_s: float = PATIENCE_S) -> Status:
        """Wait until the handset says something of itself.

        Raises:
            AssertionError: it does not in time; the message holds what it says instead.
        """
        ends_at = time.monotonic() + timeout_s
        while not reached(status := await self.status()):
            assert time.monotonic() < ends_at, f"not reached within {timeout_s} s: {dict(status)}"
            await asyncio.sleep(_POLL_S)
        return status

    async def wait_for_mode(self, mode: str, timeout_s: float = PATIENCE_S) -> Status:
        return await self.wait_for(lambda status: status["mode"] == mode, timeout_s)

    async def wait_for_call(self, state: str, timeout_s: float = PATIENCE_S) -> Status:
        return await self.wait_for(lambda status: status["call"] == state, timeout_s)

    async def wait_for_line(self, timeout_s: float = PATIENCE_S) -> Status:
        """Wait until the handset is registered."""
        return await self.wait_for(lambda status: status["registration"] == "registered", timeout_s)

    async def reads(self, text: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until the display says a text.

        Raises:
            AssertionError: it does not in time.
        """
        await self._wait_to_read(lambda page: says(page.frame, text), repr(text), timeout_s)

    async def reads_the_beginning_of(self, text: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until the display says the first line of a text that goes on on other pages.

        Raises:
            AssertionError: it does not in time.
        """
        await self._wait_to_read(lambda page: begins(page.frame, text), f"the beginning of {text!r}", timeout_s)

    async def no_longer_reads(self, text: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until the display does not say a text."""
        await self.wait_until(lambda page: not says(page.frame, text), timeout_s)

    async def _wait_to_read(self, reached: Callable[[PhonePage], bool], what: str, timeout_s: float) -> None:
        try:
            await self.wait_until(reached, timeout_s)
        except TimeoutError:
            raise AssertionError(f"The display did not say {what} but:\n{_picture(self.frame)}") from None

    async def sees_icons(self, *icons: tuple[Icon, int], timeout_s: float = PATIENCE_S) -> None:
        """Wait until the display's status bar begins with these icons, each with its count."""
        await self.wait_until(lambda page: shows(page.frame, *icons), timeout_s)

    def sees(self, text: str) -> bool:
        """Whether the display says a text now."""
        return says(self.frame, text)

    # --- hands --------------------------------------------------------------------------------------------------------

    async def call(self, number: str) -> None:
        """Lift, dial, and wait for the answer."""
        await self.lift()
        await self.dial(number)
        await self.wait_for_call("active")

    async def send(self, number: str) -> None:
        """Dial, and do not wait until the phone believes that this is all."""
        await self.dial(number)
        if (await self.status())["mode"] == "collecting_digits":
            await self.press("ok")

    async def hang_up(self) -> None:
        """Put the handset down and wait until the phone is at rest."""
        await self.replace()
        await self.wait_for(lambda status: status["mode"] in _AT_REST)

    async def rest(self) -> None:
        """Put the handset down, and leave the phone with nothing going on and nothing unseen."""
        await self.replace()
        ends_at = time.monotonic() + PATIENCE_S
        while (status := await self.status())["mode"] not in _AT_REST or status["missed_calls"]:
            assert time.monotonic() < ends_at, f"not at rest within {PATIENCE_S} s: {dict(status)}"
            await self.press("cancel")
            await asyncio.sleep(_POLL_S)
        # Once more for the refusal that the display may still tell of.
        await self.press("cancel")

    # --- mouth and ears -----------------------------------------------------------------------------------------------

    async def listen(self, duration_s: float, pcm: str = "ear_monitor") -> Sound:
        """Record what comes out of the phone for a time."""
        ear = await asyncio.to_thread(Recorder(pcm).start)
        await asyncio.sleep(duration_s)
        return await asyncio.to_thread(ear.stop)

    @asynccontextmanager
    async def hearing(self, frequencies_hz: Sequence[float], pcm: str = "ear_monitor") -> AsyncIterator[None]:
        """Do something, and wait until the phone has sounded these frequencies at once since it was begun.

        Raises:
            AssertionError: it does not in time.
        """
        ear = await asyncio.to_thread(Recorder(pcm).start)
        try:
            yield
            ends_at = time.monotonic() + PATIENCE_S
            while not find_tone(ear.sound, frequencies_hz):
                assert time.monotonic() < ends_at, f"no {frequencies_hz} Hz from {pcm} within {PATIENCE_S} s"
                await asyncio.sleep(0.1)
        finally:
            await asyncio.to_thread(ear.stop)

    async def listen_for(self, frequencies_hz: Sequence[float], pcm: str = "ear_monitor") -> None:
        """Wait until the phone sounds frequencies at once that it goes on to sound, or sounds again and again."""
        async with self.hearing(frequencies_hz, pcm):
            pass

    async def say(self, frequency_hz: float, duration_s: float) -> Sound:
        """Sound a tone at the microphone, and return what the earpiece played meanwhile."""
        ear = await asyncio.to_thread(Recorder("ear_monitor").start)
        await asyncio.to_thread(play, "mic", tone([frequency_hz], duration_s))
        await asyncio.sleep(_ECHO_TAKES_S)
        return await asyncio.to_thread(ear.stop)

    async def hears_the_echo_of(self, frequency_hz: float, duration_s: float = 2.5) -> None:
        """Sound a tone until it comes back, and then find it at the ear for so long, without a gap above 40 ms.

        What comes back from an echoing peer has gone both ways. A machine that is busy with other things makes sound
        stutter now and then, and what harms a call harms all of it: of five stretches three have to be whole, but for
        as long as voice was kept waiting for a processor.
        """
        ear = await asyncio.to_thread(Recorder("ear_monitor").start)
        voice, stretch_s = self._handset.voice.pid, duration_s / _STRETCHES

        def last(length_s: float) -> Sound:
            sound = ear.sound
            return sound.between(sound.duration_s - length_s, sound.duration_s)

        flaws: list[str | None] = []
        try:
            with playing("mic", tone([frequency_hz], PATIENCE_S + duration_s + 1)):
                await asyncio.to_thread(
                    wait_until, lambda: find_tone(last(_WINDOW_S), [frequency_hz]), "what was said comes back"
                )
                for _ in range(_STRETCHES):
                    _, waited_s = ran_and_waited_s(voice)
                    await asyncio.sleep(stretch_s)
                    heard = last(stretch_s)
                    allowed_s = _LONGEST_GAP_S + ran_and_waited_s(voice)[1] - waited_s
                    flaws.append(_flaw_of_tone(heard, frequency_hz, allowed_s))
            await asyncio.sleep(_ECHO_TAKES_S)
        finally:
            await asyncio.to_thread(ear.stop)
        assert flaws.count(None) >= _WHOLE, flaws


def _flaw_of_tone(sound: Sound, frequency_hz: float, longest_gap_s: float) -> str | None:
    """Say what is wrong with a tone that should sound all the time."""
    total_s = sum(span.duration_s for span in find_tone(sound, [frequency_hz]))
    if total_s < min(_LEAST_PART * sound.duration_s, sound.duration_s - longest_gap_s):
        return f"Of {sound.duration_s:.2f} s only {total_s:.2f} s came back."
    longest_s = max((gap.duration_s for gap in gaps(sound, frequency_hz)), default=0.0)
    return f"The sound was gone for {longest_s * 1000:.0f} ms." if longest_s > longest_gap_s else None


def _picture(frame: bytes) -> str:
    rows = [frame[start : start + 16] for start in range(0, len(frame), 16)]
    return "\n".join("".join(f"{byte:08b}" for byte in row).replace("0", " ").replace("1", "#") for row in rows)
