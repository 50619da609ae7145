"""Text and voice messages of the whole handset: the light, the display, the keypad and one key to listen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.calls import CallDirection
from firmware.display.model import Icon
from tests.lab.audio import Recorder, find_tone
from tests.lab.office import BOB, CAROL, PERSON, Office, talk
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.scripted_peer import Dialog, ScriptedPeer
from tests.lab.stage import Choices

DIAL_TONE_HZ = (350, 440)
REGISTERED = (Icon.REGISTERED, 0)
TEXT = "Back at 3"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    choices = Choices(extra={"account": {"voicemail_number": CAROL}})
    with Office(tmp_path_factory.mktemp("office"), choices).running() as office:
        yield office


@pytest.fixture
def voicemail(office: Office) -> Iterator[ScriptedPeer]:
    with ScriptedPeer(office.stage.kamailio.udp_port, "voicemail") as voicemail:
        yield voicemail


def count(voicemail: ScriptedPeer, new: int) -> None:
    """Tell the handset how many voice messages nobody has heard (RFC 3842)."""
    sender = "<sip:voicemail@localhost>;tag=1"
    voicemail.dialog = Dialog(f"count-{new}", sender, f"<sip:{PERSON}@localhost>", f"sip:{PERSON}@localhost")
    voicemail.send(
        "NOTIFY",
        "Event: message-summary",
        "Content-Type: application/simple-message-summary",
        "Subscription-State: active;expires=0",
        body=f"Messages-Waiting: {'yes' if new else 'no'}\r\nVoice-Message: {new}/8 (0/0)\r\n",
    )
    voicemail.receive(200, method="NOTIFY")


async def open_newest_message(clerk: Person) -> None:
    """Go to the messages by the menu, and to the first of them: the voicemail and a new message stand before it."""
    await clerk.press("menu")
    await clerk.dial("4")
    await clerk.reads("Messages")
    await clerk.dial("3")


# --- voice messages ---------------------------------------------------------------------------------------------------


@pytest.mark.feature("voicemail")
async def test_voice_messages_that_wait_are_seen_on_the_light_and_the_display_and_heard_in_the_dial_tone(
    clerk: Person, voicemail: ScriptedPeer
) -> None:
    count(voicemail, 3)
    await clerk.wait_until(lambda page: page.state["indicator"] == "slow_blink", PATIENCE_S)
    await clerk.sees_icons(REGISTERED, (Icon.VOICEMAIL, 3))
    with Recorder("ear_monitor") as ear:
        await clerk.lift()
        await clerk.wait_for(lambda _: len(find_tone(ear.sound, DIAL_TONE_HZ)) > 4)
    bursts = find_tone(ear.sound, DIAL_TONE_HZ)
    assert [burst.duration_s for burst in bursts[:4]] == pytest.approx([0.1] * 4, abs=0.05)
    await clerk.hang_up()
    count(voicemail, 0)
    await clerk.wait_until(lambda page: page.state["indicator"] == "off", PATIENCE_S)


@pytest.mark.feature("voicemail")
async def test_one_key_calls_the_voicemail(office: Office, clerk: Person) -> None:
    await clerk.lift()
    await clerk.press("voicemail")
    office.carol.answers()
    await clerk.wait_for_call("active")
    await clerk.dial("1234")
    await clerk.reads("••••")


async def test_the_voicemail_key_opens_its_page_before_the_handset_is_lifted(office: Office, clerk: Person) -> None:
    await clerk.press("voicemail")
    await clerk.reads("Voicemail")
    await clerk.lift()
    office.carol.answers()
    await clerk.wait_for_call("active")


# --- text messages ----------------------------------------------------------------------------------------------------


@pytest.mark.feature("text messages")
async def test_a_text_message_is_told_of_shown_answered_and_kept(office: Office, clerk: Person) -> None:
    office.bob.writes(PERSON, TEXT)
    await clerk.wait_until(lambda page: page.state["indicator"] == "slow_blink", PATIENCE_S)
    await clerk.sees_icons(REGISTERED, (Icon.MESSAGE, 1))
    await open_newest_message(clerk)
    await clerk.reads(f"From {BOB}")
    await clerk.reads(TEXT)
    await clerk.wait_until(lambda page: page.state["indicator"] == "off", PATIENCE_S)
    await clerk.press("ok")
    await clerk.reads("Reply")
    await clerk.press("ok")
    await clerk.reads(f"To {BOB}")
    await clerk.dial("66655")
    await clerk.press("ok")
    answer = office.bob.reads()
    assert (answer.direction, answer.party.number, answer.text) == (CallDirection.INCOMING, PERSON, "Ok")
    await clerk.reads("Message sent")


async def test_text_messages_outlive_a_restart(tmp_path: Path) -> None:
    with Office(tmp_path).running() as office:
        handset = office.stage.handset
        async with Person(handset) as clerk:
            await clerk.wait_for_line()
            office.bob.writes(PERSON, TEXT)
            await clerk.sees_icons(REGISTERED, (Icon.MESSAGE, 1))
        handset.stop()
        handset.start(sync=False)
        async with Person(handset) as clerk:
            await clerk.sees_icons(REGISTERED, (Icon.MESSAGE, 1))
            await open_newest_message(clerk)
            await clerk.reads(f"From {BOB}")
            await clerk.reads(TEXT)


async def test_a_text_message_is_written_to_a_number_that_is_dialled(office: Office, clerk: Person) -> None:
    await clerk.dial(BOB)
    await clerk.press("menu")
    await clerk.reads(f"To {BOB}")
    await clerk.dial("4433#*2")
    await clerk.press("ok")
    assert office.bob.reads().text == "He a"
    await clerk.reads("Message sent")


async def test_a_text_message_that_nobody_takes_says_so(clerk: Person) -> None:
    await clerk.dial("699")
    await clerk.press("menu")
    await clerk.reads("To 699")
    await clerk.dial("44")
    await clerk.press("ok")
    await clerk.reads("Message not sent")


async def test_a_text_message_during_a_call_waits_until_it_is_over(office: Office, clerk: Person) -> None:
    await talk(clerk, office.bob)
    office.carol.writes(PERSON, TEXT)
    await clerk.hang_up()
    await clerk.wait_until(lambda page: page.state["indicator"] == "slow_blink", PATIENCE_S)
    await open_newest_message(clerk)
    await clerk.reads(f"From {CAROL}")
