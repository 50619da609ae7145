"""Calls of the whole handset among real peers, checked by what can be heard, seen and read."""

import asyncio
import os
import statistics
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.lab import chance
from tests.lab.audio import Recorder, find_tone, loudest_frequencies
from tests.lab.handset import Handset
from tests.lab.measured import RecordProperty, assert_within
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.person import Person
from tests.lab.priority import ran_and_waited_s
from tests.lab.pulse import PulseAudio
from tests.lab.sipp import Sipp
from tests.lab.stage import PEER_USER, Choices, Stage

BEEP_HZ = 700
SPOKEN_HZ = 1000
# The British tone plan, which the stage's handset is set to.
DIAL_TONE_HZ = (350, 440)
RINGBACK_HZ = (400, 450)
BUSY_HZ = 400
# What handset and voice compute from the hook to the ear; how soon that is by the clock: `make bench PART=promises`.
MOST_FOR_DIAL_TONE_S = 0.1
WARBLE_HZ = (800, 1000)
CONTACT = "Echo Line"
BEHIND = "Zulu"
ADDRESSED = "Bo"
KEYS_OF = {BEHIND: "9858", ADDRESSED: "26"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"), Choices(beep_hz=BEEP_HZ))
    stage.handset.add_contact(CONTACT, PEER_USER, country="GB")
    stage.handset.add_contact(BEHIND, f"{PEER_USER},12*", country="GB")
    stage.handset.add_contact(ADDRESSED, f"sip:{PEER_USER}@else.test", country="GB")
    with stage, stage.heard_here():
        yield stage


def is_open(pulse: PulseAudio, handset: Handset) -> bool:
    """Whether the handset has its microphone open, as the sound server sees it."""
    return handset.voice.pid in {stream.process_id for stream in pulse.recording()}


# --- sound, both ways -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_both_ends_hear_each_other_over_plain_sip(tmp_path: Path, transport: str) -> None:
    choices = Choices(transport=transport, srtp="off", beep_hz=BEEP_HZ)
    with Stage(tmp_path, choices) as stage, stage.heard_here():
        async with Person(stage.handset) as person:
            await person.wait_for_line()
            await assert_both_ends_hear_each_other(stage, person)


async def test_both_ends_hear_each_other_over_tls_with_mandatory_srtp(stage: Stage, person: Person) -> None:
    await assert_both_ends_hear_each_other(stage, person)


async def assert_both_ends_hear_each_other(stage: Stage, person: Person) -> None:
    ear = await asyncio.to_thread(Recorder("ear_monitor").start)
    await person.call(PEER_USER)
    stage.peer.wait_for("echoing")
    await person.wait_for(lambda _: bool(find_tone(ear.sound, [BEEP_HZ])))
    await asyncio.to_thread(ear.stop)
    await person.hears_the_echo_of(SPOKEN_HZ)
    await person.hang_up()
    stage.peer.wait_for("ended 200")
    status = await person.wait_for_mode("idle")
    assert not status["microphone_open"]


async def test_dial_tone_comes_for_little_work_and_goes_with_the_first_digit(
    stage: Stage, person: Person, record_property: RecordProperty
) -> None:
    processes = stage.handset.main.pid, stage.handset.voice.pid
    with Recorder("ear_monitor") as ear:

        def is_silent() -> bool:
            return bool(ear.sound.between(ear.sound.duration_s - 0.3, ear.sound.duration_s).samples.std() < 10)

        before_s = sum(ran_and_waited_s(process)[0] for process in processes)
        await person.lift()
        await asyncio.to_thread(wait_until, lambda: find_tone(ear.sound, DIAL_TONE_HZ), "dial tone sounds")
        work_s = sum(ran_and_waited_s(process)[0] for process in processes) - before_s
        await person.wait_for_mode("collecting_digits")
        await asyncio.sleep(0.6)
        assert not is_silent()
        await person.press("6")
        await asyncio.to_thread(wait_until, is_silent, "dial tone is gone")
        # Not for want of a second digit.
        assert (await person.status())["mode"] == "collecting_digits"
    assert_within(record_property, "dial_tone_cpu", work_s, MOST_FOR_DIAL_TONE_S)


async def test_the_far_end_ringing_is_read_and_heard(stage: Stage, person: Person, tmp_path: Path) -> None:
    with Sipp(tmp_path / "sipp", "uas_ring") as callee:
        stage.kamailio.route("620", callee.uri)
        await person.lift()
        await person.dial("620")
        await person.wait_for_call("alerting")
        await person.reads("Ringing…")
        await person.listen_for(RINGBACK_HZ)
        await person.hang_up()
        callee.finish()


@pytest.mark.parametrize(
    ("code", "words", "cadence_s"),
    [(486, "Busy", (0.375,)), (404, "No such number", (0.4, 0.225))],
    ids=["busy", "unknown number"],
)
async def test_a_call_that_fails_is_heard_and_read(
    stage: Stage, person: Person, tmp_path: Path, *, code: int, words: str, cadence_s: tuple[float, ...]
) -> None:
    with Sipp(tmp_path / "sipp", "uas_reject", words={"CODE": str(code)}) as callee:
        stage.kamailio.route("621", callee.uri)
        await person.lift()
        await person.dial("621")
        await person.wait_for_mode("call_ended")
        await person.reads(words)
        heard = await person.listen(2.2)
    bursts = find_tone(heard, [BUSY_HZ])[1:-1]
    assert bursts, "no tone was heard"
    # The median, since a busy machine may stutter within one of them.
    errors_s = [min(abs(burst.duration_s - length_s) for length_s in cadence_s) for burst in bursts]
    assert statistics.median(errors_s) < 0.03
    assert abs(loudest_frequencies(heard, 1)[0] - BUSY_HZ) < 5


async def test_a_number_that_nobody_has_ends_in_words(person: Person) -> None:
    await person.lift()
    await person.dial("699")
    await person.wait_for_mode("call_ended")
    await person.reads("No such number")
    await person.reads("Please hang up")


# --- the microphone ---------------------------------------------------------------------------------------------------


async def test_the_microphone_is_open_exactly_while_a_call_is_active_and_not_held(
    stage: Stage, person: Person, tmp_path: Path
) -> None:
    assert stage.pulse is not None
    mark = len(stage.peer.events)
    with MicrophoneWatch(stage.pulse) as watch:
        await person.lift()
        await person.wait_for_mode("collecting_digits")
        assert watch.changes == []
        await person.dial(PEER_USER)
        await person.wait_for_call("active")
        watch.wait_for(["new"])
        stage.peer.wait_for("echoing", after=mark)
        assert is_open(stage.pulse, stage.handset)
        await person.press("hold")
        await person.wait_for_call("held")
        watch.wait_for(["new", "remove"])
        await person.press("hold")
        await person.wait_for_call("active")
        watch.wait_for(["new", "remove", "new"])
        await person.press("mute")
        await person.reads("You are muted")
        assert is_open(stage.pulse, stage.handset)
        await person.hang_up()
        watch.wait_for(["new", "remove", "new", "remove"])
        with Sipp(tmp_path / "sipp", "uas_ring") as callee:
            stage.kamailio.route("620", callee.uri)
            await person.lift()
            await person.dial("620")
            await person.wait_for_call("alerting")
            await person.hang_up()
            callee.finish()
        stage.peer.call(stage.handset_uri)
        await person.wait_for_mode("ringing")
        await person.press("cancel")
        await person.wait_for_mode("idle")
    assert watch.changes == ["new", "remove", "new", "remove"]


async def test_mute_sends_silence_with_the_microphone_open(stage: Stage, person: Person) -> None:
    mark = len(stage.peer.events)
    await person.call(PEER_USER)
    stage.peer.wait_for("echoing", after=mark)
    await person.press("mute")
    await person.reads("You are muted")
    heard = await person.say(SPOKEN_HZ, 1)
    assert find_tone(heard, [SPOKEN_HZ]) == []
    # The greeting's last echo may be in the beginning.
    assert heard.between(0.5, heard.duration_s).samples.std() < 10
    await person.press("mute")
    await person.hears_the_echo_of(SPOKEN_HZ)


# --- calls that come in -----------------------------------------------------------------------------------------------


async def test_a_call_rings_once_shows_who_calls_and_is_answered_by_lifting(stage: Stage, person: Person) -> None:
    assert stage.pulse is not None
    mark = len(stage.peer.events)
    bell = Recorder("bell_monitor").start()
    stage.peer.call(stage.handset_uri)
    stage.peer.wait_for("ringing", after=mark)
    await person.wait_until(lambda page: page.state["ringing"], PATIENCE_S)
    await person.reads("Incoming call")
    await person.reads(CONTACT)
    await person.reads(PEER_USER)
    await person.wait_until(lambda page: page.state["indicator"] == "fast_blink", PATIENCE_S)
    await asyncio.sleep(1.5)
    assert [stream.device for stream in stage.pulse.playing()] == ["bell"]
    heard = bell.stop()
    for frequency in WARBLE_HZ:
        bursts = find_tone(heard, [frequency])
        assert len(bursts) >= 8
        assert bursts[-1].end_s - bursts[0].start_s < 1.1, "it rings for a second and then pauses"
    await person.lift()
    await person.wait_for_call("active")
    await person.wait_until(lambda page: not page.state["ringing"], PATIENCE_S)
    stage.peer.wait_for("echoing", after=mark)
    await person.hears_the_echo_of(SPOKEN_HZ)


async def test_a_second_caller_waits_while_the_first_rings_and_rings_in_turn(stage: Stage, person: Person) -> None:
    mark = len(stage.peer.events)
    stage.peer.call(stage.handset_uri)
    mark = stage.peer.wait_for("ringing", after=mark)
    stage.peer.call(stage.handset_uri)
    mark = stage.peer.wait_for("ringing", after=mark)
    await person.press("cancel")
    mark = stage.peer.wait_for("ended 603", after=mark)
    status = await person.status()
    assert (status["mode"], status["missed_calls"]) == ("ringing", 0)
    await person.lift()
    stage.peer.wait_for("answered", after=mark)


async def test_the_cancel_key_turns_a_caller_away(stage: Stage, person: Person) -> None:
    mark = len(stage.peer.events)
    stage.peer.call(stage.handset_uri)
    await person.wait_for_mode("ringing")
    await person.press("cancel")
    stage.peer.wait_for("ended 603", after=mark)
    status = await person.wait_for_mode("idle")
    assert status["missed_calls"] == 0


async def test_a_caller_who_gives_up_is_among_the_missed_until_seen(stage: Stage, person: Person) -> None:
    mark = len(stage.peer.events)
    stage.peer.call(stage.handset_uri)
    await person.wait_for_mode("ringing")
    await person.reads(CONTACT)
    stage.peer.hang_up()
    stage.peer.wait_for("ended 487", after=mark)
    await person.wait_for(lambda status: status["mode"] == "idle" and status["missed_calls"] == 1)
    await person.reads("1 missed call")
    await person.reads(CONTACT)
    await person.wait_until(lambda page: page.state["indicator"] == "slow_blink", PATIENCE_S)
    await person.press("cancel")
    await person.wait_for(lambda status: status["missed_calls"] == 0)


async def test_the_far_end_hanging_up_is_read_and_heard(stage: Stage, person: Person) -> None:
    mark = len(stage.peer.events)
    await person.call(PEER_USER)
    stage.peer.wait_for("echoing", after=mark)
    stage.peer.hang_up()
    status = await person.wait_for_mode("call_ended")
    assert not status["microphone_open"]
    await person.reads("They hung up")
    await person.listen_for([BUSY_HZ])
    await person.reads("Please hang up")


# --- dialling ---------------------------------------------------------------------------------------------------------


async def test_a_number_dialled_before_lifting_is_called_on_lifting(stage: Stage, person: Person) -> None:
    mark = len(stage.peer.events)
    await person.dial(PEER_USER)
    await person.reads(PEER_USER)
    assert (await person.status())["call"] is None
    await person.lift()
    await person.wait_for_call("active")
    stage.peer.wait_for("answered", after=mark)


@pytest.mark.feature("redial")
async def test_redial_calls_the_last_number_again(stage: Stage, person: Person) -> None:
    await person.call(PEER_USER)
    await person.hang_up()
    mark = len(stage.peer.events)
    await person.lift()
    await person.press("redial")
    await person.wait_for_call("active")
    stage.peer.wait_for("answered", after=mark)


async def test_digits_in_a_call_reach_the_far_end_each_once(stage: Stage, person: Person) -> None:
    mark = len(stage.peer.events)
    await person.call(PEER_USER)
    stage.peer.wait_for("echoing", after=mark)
    await person.dial("12309*#")
    await person.reads("12309*#")
    stage.peer.wait_for("dtmf #", after=mark)
    assert [event for event in stage.peer.events[mark:] if "dtmf" in event] == [f"dtmf {key}" for key in "12309*#"]


@pytest.mark.feature("DTMF")
async def test_a_contacts_extension_is_sent_once_it_has_answered(stage: Stage, person: Person) -> None:
    mark = len(stage.peer.events)
    await call_contact(person, BEHIND)
    stage.peer.wait_for("dtmf *", after=mark)
    events = stage.peer.events[mark:]
    assert [event for event in events if "dtmf" in event] == ["dtmf 1", "dtmf 2", "dtmf *"]
    assert events.index("dtmf 1") > next(place for place, event in enumerate(events) if "answered" in event)
    await person.reads("12*")


async def test_a_contact_with_a_sip_address_is_called_there_by_way_of_the_line_s_server(
    stage: Stage, person: Person
) -> None:
    """The lab's server finds whom it knows under any domain; no name server here knows this one."""
    mark = len(stage.peer.events)
    await call_contact(person, ADDRESSED)
    stage.peer.wait_for("answered", after=mark)
    await person.wait_for_call("active")


async def call_contact(person: Person, name: str) -> None:
    """Find somebody by the keys that the name's letters are on, and lift the handset."""
    await person.dial(KEYS_OF[name])
    # The first keys find the name already, and it is looked for anew at each further one.
    await person.reads(KEYS_OF[name])
    await person.reads(name)
    await person.press("volume_down")
    await person.lift()


# --- hold -------------------------------------------------------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.timeout(240)
async def test_a_call_held_for_long_comes_back_with_whole_sound(stage: Stage, person: Person) -> None:
    mark = len(stage.peer.events)
    await person.call(PEER_USER)
    mark = stage.peer.wait_for("echoing", after=mark)
    await person.press("hold")
    mark = stage.peer.wait_for("held", after=mark)
    await person.reads("On hold")
    heard = await person.say(SPOKEN_HZ, chance.counted(60, 3))
    # A minute of sound takes seconds to look through, in which the page would not say that it is still there.
    assert await asyncio.to_thread(find_tone, heard, [SPOKEN_HZ]) == []
    assert (await person.status())["call"] == "held"
    await person.press("hold")
    mark = stage.peer.wait_for("resumed", after=mark)
    stage.peer.wait_for("echoing", after=mark)
    await person.wait_for_call("active")
    await person.hears_the_echo_of(SPOKEN_HZ, chance.counted(10, 4))


@pytest.mark.feature("hold and resume")
async def test_the_far_end_holds_and_resumes(stage: Stage, person: Person) -> None:
    assert stage.pulse is not None
    mark = len(stage.peer.events)
    await person.call(PEER_USER)
    mark = stage.peer.wait_for("echoing", after=mark)
    stage.peer.hold()
    await person.reads("You are on hold")
    await person.wait_for(lambda status: not status["microphone_open"])
    stage.peer.resume()
    await person.wait_for(lambda status: status["call"] == "active" and status["microphone_open"])
    stage.peer.wait_for("echoing", after=mark)
    await person.hears_the_echo_of(SPOKEN_HZ)


class MicrophoneWatch:
    """Hears from the sound server of every microphone that is opened (`new`) or shut (`remove`)."""

    def __init__(self, pulse: PulseAudio) -> None:
        self._pulse = pulse
        self._happened = threading.Condition()
        self._listening = False
        self.changes: list[str] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["pactl", "subscribe"],
            env={**os.environ, **self._pulse.environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        with self._happened:
            while not self._listening:
                # Whoever asks the server anything is an event too, and the first one shows that it tells us.
                self._pulse.recording()
                self._happened.wait(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(5)

    def wait_for(self, changes: list[str]) -> None:
        with self._happened:
            assert self._happened.wait_for(lambda: self.changes == changes, 10), self.changes

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._happened:
                self._listening = True
                if "on source-output" in line and "'change'" not in line:
                    self.changes.append(line.split("'")[1])
                self._happened.notify_all()
