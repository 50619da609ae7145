"""The whole handset records a call: both ends hear and read so, and what was said is played back."""

import asyncio
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from contract.consent import Purpose
from firmware.phone.call_recording import REMINDER_S
from firmware.phone.news import RecordingSignalled
from firmware.store.recordings import FOLDER_NAME
from tests.lab.audio import Sound, find_tone, level
from tests.lab.display_reader import says
from tests.lab.office import (
    BOB,
    CAROL,
    PERSON,
    RECORDING_KEYS,
    TONES_HZ,
    Colleague,
    Office,
    OpenEar,
    hears,
    speaking,
    talk,
)
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.scripted_peer import ScriptedPeer, sdp
from tests.lab.small_disk import fill, small_disk
from tests.lab.stage import Choices

pytestmark = pytest.mark.feature("call recording")

RECORDED_HZ, ENDED_HZ = 1400, 700
SHY = "603"
DISK_BYTES = 40 * 1024 * 1024
_LOUD = 700.0
_QUIET_WORDS = 200.0
_WINDOW_S = 0.3


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    choices = Choices(extra={"recording": {"announce": "tone"}, "keypad": {"keys": RECORDING_KEYS}})
    with Office(tmp_path_factory.mktemp("office"), choices).running() as office:
        yield office


@pytest.fixture
def consent(office: Office) -> Iterator[None]:
    handset = office.stage.handset
    handset.command("consent", "grant", Purpose.RECORDING)
    yield
    handset.command("consent", "withdraw", Purpose.RECORDING)


async def heard(listener: Callable[[float], Sound], frequency_hz: float, since: float) -> float:
    """Wait until somebody has heard a tone since a moment; return when it began to be heard, about."""
    while True:
        sound = await asyncio.to_thread(listener, time.monotonic() - since)
        if spans := find_tone(sound, [frequency_hz]):
            return time.monotonic() - sound.duration_s + spans[0].start_s
        assert time.monotonic() < since + PATIENCE_S, f"no {frequency_hz} Hz within {PATIENCE_S} s"
        await asyncio.sleep(0.05)


async def begin_to_record(clerk: Person, colleague: Colleague) -> float:
    """Record the call that runs; return when the colleague heard so."""
    began = time.monotonic()
    await clerk.press("record")
    told_at = await heard(colleague.phone.last_heard, RECORDED_HZ, began)
    await records_for(clerk, 1)
    return told_at


async def records_for(person: Person, seconds: int) -> None:
    """Wait until the display says that a recording has lasted so long, or longer, since each second passes."""
    words = [f"Recording 0:{so_long:02}" for so_long in range(seconds, 60)]
    await person.wait_until(lambda page: any(says(page.frame, each) for each in words), PATIENCE_S)


async def listen_to_newest(clerk: Person) -> None:
    """Walk to the newest recording and lift the handset."""
    await clerk.press("menu")
    await clerk.press("9")
    # Bob is on the page of the call that has ended, too.
    await clerk.reads("Recordings")
    await clerk.reads(BOB)
    await clerk.press("1")
    await clerk.reads("Listen")
    await clerk.press("1")
    await clerk.reads("Lift the handset to listen.")
    await clerk.lift()
    await clerk.wait_for_mode("listening")


def is_told(colleague: Colleague, *, records: bool) -> RecordingSignalled:
    return colleague.phone.wait_for(RecordingSignalled, lambda event: event.records is records, PATIENCE_S)


# --- with consent -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("consent")
async def test_both_ends_hear_that_the_call_is_recorded_and_what_was_said_is_played_back(
    office: Office, clerk: Person
) -> None:
    bob = office.bob
    with OpenEar() as ear, speaking():
        await talk(clerk, bob)
        await hears(bob, PERSON)
        first = await begin_to_record(clerk, bob)
        is_told(bob, records=True)
        await asyncio.sleep(max(0.0, first + REMINDER_S / 2 - time.monotonic()))
        began = time.monotonic()
        assert not find_tone(await asyncio.to_thread(bob.phone.last_heard, 1.5), [RECORDED_HZ])
        await heard(bob.phone.last_heard, RECORDED_HZ, began)
        await heard(ear.last_heard, RECORDED_HZ, began)
        began = time.monotonic()
        await clerk.press("record")
        await heard(bob.phone.last_heard, ENDED_HZ, began)
        is_told(bob, records=False)
        await clerk.no_longer_reads("Recording ended")
        await clerk.hang_up()
    async with clerk.hearing([TONES_HZ[PERSON], TONES_HZ[BOB]]):
        await listen_to_newest(clerk)
    await clerk.press("ok")
    with OpenEar() as ear:
        await hears(ear)
    await clerk.replace()
    await clerk.wait_for_mode("menu")
    await clerk.press("menu")


@pytest.mark.usefixtures("consent")
async def test_the_colleague_whose_phone_understands_it_reads_that_it_is_recorded_until_the_consent_is_withdrawn(
    office: Office, clerk: Person
) -> None:
    bob = office.bob
    with speaking():
        await talk(clerk, bob)
        await begin_to_record(clerk, bob)
        is_told(bob, records=True)
        began = time.monotonic()
        await asyncio.to_thread(office.stage.handset.command, "consent", "withdraw", Purpose.RECORDING)
        await heard(bob.phone.last_heard, ENDED_HZ, began)
        is_told(bob, records=False)
        await clerk.reads("Recording is now off.")
        # The call goes on as it was.
        await hears(bob, PERSON)


@pytest.mark.usefixtures("consent")
async def test_a_colleague_who_joins_is_told_too(office: Office, clerk: Person) -> None:
    bob, carol = office.bob, office.carol
    await talk(clerk, bob)
    await begin_to_record(clerk, bob)
    await clerk.press("hold")
    await clerk.wait_for_call("held")
    await clerk.send(CAROL)
    carol.answers()
    await clerk.reads(f"Held: {BOB}")
    await clerk.wait_for_call("active")
    assert not find_tone(await asyncio.to_thread(carol.phone.last_heard, 1.0), [RECORDED_HZ])
    began = time.monotonic()
    await clerk.press("conference")
    await heard(carol.phone.last_heard, RECORDED_HZ, began)
    is_told(carol, records=True)
    await clerk.reads("Conference")


@pytest.mark.usefixtures("consent")
async def test_a_caller_who_comes_while_a_recording_is_heard_waits_and_is_answered(
    office: Office, clerk: Person
) -> None:
    with speaking():
        await talk(clerk, office.bob)
        await begin_to_record(clerk, office.bob)
        await records_for(clerk, 4)
        await clerk.hang_up()
        office.rest()
        async with clerk.hearing([TONES_HZ[PERSON]]):
            await listen_to_newest(clerk)
        office.carol.call(PERSON)
        await clerk.reads(f"Waiting: {CAROL}")
        await clerk.press("ok")
        await clerk.wait_for_call("active")
        with OpenEar() as ear:
            await hears(ear, CAROL)
            await hears(office.carol, PERSON)


@pytest.mark.usefixtures("consent")
async def test_who_wants_no_recording_is_not_recorded_and_the_log_says_why(office: Office, clerk: Person) -> None:
    with ScriptedPeer(office.stage.kamailio.udp_port, SHY) as peer:
        office.stage.kamailio.route(SHY, peer.uri)
        await clerk.lift()
        await clerk.send(SHY)
        invite = await asyncio.to_thread(peer.take_call)
        peer.reply(invite, 200, "Supported: record-aware", body=sdp() + "a=recordpref:off\r\n")
        await asyncio.to_thread(peer.receive, "ACK")
        await clerk.wait_for_call("active")
        await clerk.press("record")
        await clerk.reads("They want no recording.")
        assert not await asyncio.to_thread(peer.receives, "INVITE", 1.0)
        await clerk.replace()
        await asyncio.to_thread(peer.confirm_hang_up)
    await clerk.wait_for_mode("idle")
    assert office.newest_call()["decision"] == "recording_unwanted"


# --- without it -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [["record"], ["ok", "ok"]])
async def test_without_consent_nothing_is_recorded_and_the_display_and_the_log_say_why(
    office: Office, clerk: Person, keys: list[str]
) -> None:
    await talk(clerk, office.bob)
    for key in keys:
        await clerk.press(key)
    await clerk.reads("Record calls?")
    await clerk.press("cancel")
    await clerk.reads_the_beginning_of("Not recorded. The call goes on.")
    await clerk.press("record")
    await clerk.reads_the_beginning_of("Recording is off. MENU, Privacy.")
    assert level(await asyncio.to_thread(office.bob.phone.last_heard, _WINDOW_S), RECORDED_HZ) < _LOUD
    await clerk.hang_up()
    assert office.newest_call()["decision"] == "recording_not_allowed"


async def test_the_first_press_of_the_key_asks_and_a_yes_has_a_receipt_and_records(
    office: Office, clerk: Person
) -> None:
    handset = office.stage.handset
    before = len(list(handset.state_dir.glob(f"{FOLDER_NAME}/*")))
    await talk(clerk, office.bob)
    await clerk.press("record")
    await clerk.reads("Record calls?")
    # The words turn over; OK means nothing before they can have been read.
    await clerk.reads("a recording to")
    assert level(await asyncio.to_thread(office.bob.phone.last_heard, _WINDOW_S), RECORDED_HZ) < _LOUD
    assert len(list(handset.state_dir.glob(f"{FOLDER_NAME}/*"))) == before, "it was recorded before somebody agreed"
    began = time.monotonic()
    await clerk.press("ok")
    try:
        await heard(office.bob.phone.last_heard, RECORDED_HZ, began)
        await records_for(clerk, 1)
        entries: list[dict[str, str]] = await asyncio.to_thread(handset.ask, "ledger", "show")
        newest = entries[-1]
        assert (newest["action"], newest["about"], newest["channel"]) == ("grant", "recording", "keypad")
    finally:
        await clerk.hang_up()
        handset.command("consent", "withdraw", Purpose.RECORDING)


# --- handsets of their own --------------------------------------------------------------------------------------------


async def test_where_that_is_usual_it_is_said_in_words_before_anything_is_recorded(office: Office) -> None:
    handset = office.stage.new_handset("voice", recording={"announce": "voice"})
    office.stage.handset.stop()
    handset.start(sync=False)
    try:
        handset.command("consent", "grant", Purpose.RECORDING)
        async with Person(handset) as person:
            await person.wait_for_line()
            await talk(person, office.bob)
            # Until what he has heard last is of this call.
            await asyncio.sleep(2.5)
            assert not np.abs((await asyncio.to_thread(office.bob.phone.last_heard, 2.0)).samples).max() > _LOUD
            await person.press("record")
            await person.reads("About to record…")
            assert not list(handset.state_dir.glob(f"{FOLDER_NAME}/*")), "it was recorded before it was announced"
            said: list[Sound] = []
            while not said or not find_tone(said[-1], [RECORDED_HZ]):
                said.append(await asyncio.to_thread(office.bob.phone.last_heard, 2.0))
                await asyncio.sleep(0.05)
            (tone, *_) = find_tone(said[-1], [RECORDED_HZ])
            words = said[-1].between(0.0, max(0.2, tone.start_s - 0.1))
            assert np.sqrt(np.mean(words.samples**2)) > _QUIET_WORDS
            await records_for(person, 1)
            await person.replace()
    finally:
        handset.stop()
        office.rest()
        office.stage.handset.start(sync=False)


async def test_a_full_card_ends_the_recording_with_a_tone_and_a_sentence_and_never_the_call(office: Office) -> None:
    handset = office.stage.new_handset("small")
    handset.folder.mkdir(mode=0o700)
    office.stage.handset.stop()
    with small_disk(handset.state_dir, DISK_BYTES) as disk:
        handset.start(sync=False)
        try:
            handset.command("consent", "grant", Purpose.RECORDING)
            async with Person(handset) as person:
                await person.wait_for_line()
                with speaking():
                    await talk(person, office.bob)
                    await begin_to_record(person, office.bob)
                    began = time.monotonic()
                    await asyncio.to_thread(fill, disk)
                    await person.reads_the_beginning_of("No room to record. The call goes on.")
                    await heard(office.bob.phone.last_heard, ENDED_HZ, began)
                    await hears(office.bob, PERSON)
                await person.replace()
        finally:
            handset.stop()
            office.rest()
            office.stage.handset.start(sync=False)


@pytest.mark.usefixtures("consent")
async def test_what_was_recorded_until_the_power_went_is_played_and_said_to_be_incomplete(office: Office) -> None:
    handset = office.stage.handset
    async with Person(handset) as person:
        await person.wait_for_line()
        with speaking():
            await talk(person, office.bob)
            await begin_to_record(person, office.bob)
            await records_for(person, 4)
            handset.cut_power()
    office.rest()
    handset.start(sync=False)
    async with Person(handset) as person:
        await person.wait_for_line()
        await person.hang_up()
        await person.press("menu")
        await person.press("9")
        await person.reads(BOB)
        await person.press("1")
        await person.press("1")
        await person.reads("Lift the handset to listen.")
        async with person.hearing([TONES_HZ[PERSON]]):
            await person.lift()
        await person.replace()
        await person.wait_for_mode("menu")
        await person.press("menu")
        await person.wait_for_mode("idle")
