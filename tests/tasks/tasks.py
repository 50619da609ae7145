"""What people do with a phone, each by the fewest keys that the display tells of, and what shows that it is done."""

from collections.abc import Callable, Mapping
from typing import Final

from contract.calls import DisconnectReason
from contract.consent import Purpose
from firmware.phone.call import CallerId, CallState
from firmware.phone.commands import StartRecording
from firmware.phone.events import RecordingAnnounced, RecordingStarted, Timer
from firmware.phone.key import Key
from firmware.phone.orders import JoinCalls, TransferCall
from firmware.phone.recording import RecordingId
from firmware.phone.requests.contacts import SaveContact
from firmware.phone.requests.recordings import PlayRecording
from firmware.phone.requests.rights import CopyContacts
from firmware.phone.view import Hint, Mode
from tests.tasks.walk import ANNA, RESET_NUMBER, VOICEMAIL, Walk
from tests.unit.phone.desk import INCOMING
from tests.unit.phone.menus import choose
from tests.unit.phone.new_phone import PIN

TOM: Final = "2002"


Task = Callable[[], Walk]


def first_run() -> Walk:
    """The volume key up selects the oldest of the ages, and down the yes to the service."""
    walk = Walk.begin(new=True)
    for key in (Key.OK, Key.VOLUME_UP, Key.OK, *PIN, Key.OK, *PIN, Key.OK, *(Key.OK,) * 3, Key.VOLUME_DOWN, Key.OK):
        walk.press(key)
    assert walk.view.hint is Hint.ALL_SET
    return walk


def call_whom_the_idle_page_shows() -> Walk:
    walk = Walk.begin()
    walk.hold(Key.DIGIT_2)
    return _has_called(walk, ANNA)


def call_a_contact_by_name() -> Walk:
    walk = Walk.begin()
    walk.dial("266")
    walk.press(Key.VOLUME_DOWN)
    walk.lift()
    return _has_called(walk, ANNA)


def add_mary() -> Walk:
    walk = Walk.begin()
    walk.open("New contact", "Name")
    walk.dial("62777999")
    return _add_number(walk, "Mary")


def add_zhang_wei() -> Walk:
    walk = Walk.begin(language="zh")
    walk.open("New contact", "Name")
    for syllable in ("94264", "934"):
        walk.dial(syllable)
        walk.press(Key.OK)
    return _add_number(walk, "张伟")


def _add_number(walk: Walk, name: str) -> Walk:
    """The number's page follows the name's by itself."""
    walk.press(Key.OK)
    walk.dial(TOM)
    walk.press(Key.OK)
    choose(walk, "Save")
    contact = walk.said(SaveContact)[-1].contact
    assert (contact.name, contact.numbers[0].number) == (name, TOM)
    return walk


def call_back() -> Walk:
    walk = Walk.begin()
    walk.ring(caller=CallerId(ANNA, "Anna"))
    walk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    walk.here().press(Key.OK)
    return _has_called(walk, ANNA)


def call_a_second_one() -> Walk:
    walk = Walk.begin().talk()
    _call_beside(walk)
    assert walk.view.call is not None
    assert (walk.view.call.party.number, len(walk.view.other_calls)) == (TOM, 1)
    return walk


def transfer() -> Walk:
    walk = Walk.begin().talk()
    walk.press(Key.TRANSFER)
    walk.sip(CallState.HELD, INCOMING)
    walk.dial(TOM)
    walk.press(Key.TRANSFER)
    assert len(walk.said(TransferCall)) == 1
    return walk


def talk_with_two() -> Walk:
    walk = Walk.begin().talk()
    _call_beside(walk)
    walk.press(Key.CONFERENCE)
    walk.sip(CallState.ACTIVE, INCOMING)
    walk.settle()
    assert len(walk.said(JoinCalls)) == 1
    return walk


def _call_beside(walk: Walk) -> None:
    """Put the call on hold, and call somebody else who answers."""
    walk.press(Key.HOLD)
    walk.sip(CallState.HELD, INCOMING)
    walk.settle()
    walk.dial(TOM)
    walk.press(Key.OK)
    walk.sip(CallState.ACTIVE, walk.placed[-1].call_id)
    walk.settle()


def record_and_play() -> Walk:
    """The first time: the phone asks whether it may."""
    walk = Walk.begin().talk()
    walk.press(Key.RECORD)
    walk.expire(Timer.RECORDING_QUESTION)
    walk.settle()
    walk.press(Key.OK)
    walk.handle(RecordingAnnounced(made=True))
    walk.handle(RecordingStarted(INCOMING, RecordingId("r1")))
    walk.settle()
    assert len(walk.said(StartRecording)) == 1
    walk.replace()
    walk.sip(CallState.DISCONNECTED, INCOMING)
    walk.settle()
    walk.open("Recordings", "Anna", "Listen")
    walk.lift()
    assert len(walk.said(PlayRecording)) == 1
    assert walk.view.mode is Mode.LISTENING
    return walk


def hear_voicemail() -> Walk:
    walk = Walk.begin()
    walk.press(Key.VOICEMAIL)
    walk.lift()
    return _has_called(walk, VOICEMAIL)


def let_nothing_ring() -> Walk:
    walk = Walk.begin()
    walk.press(Key.DO_NOT_DISTURB)
    assert walk.view.do_not_disturb
    return walk


def block_a_caller() -> Walk:
    walk = Walk.begin()
    walk.open("Calls", "All calls", "Anna", "Block")
    assert walk.phone._state.features.preferences.blocked == (ANNA,)
    return walk


def change_the_ring() -> Walk:
    walk = Walk.begin()
    walk.open("Settings", "Sounds", "Ring tone", "Urgent")
    assert walk.phone._state.features.preferences.ring == "priority"
    return walk


def change_the_language() -> Walk:
    walk = Walk.begin()
    walk.open("Settings", "Language 语言", "中文")
    assert walk.view.look.language == "zh"
    return walk


def why_the_last_call_failed() -> Walk:
    walk = Walk.begin()
    walk.place_call(ANNA)
    walk.sip(CallState.DISCONNECTED, walk.placed[-1].call_id, DisconnectReason.BUSY, 486)
    walk.replace()
    walk.here().press(Key.REDIAL)
    assert walk.view.why_failed is DisconnectReason.BUSY
    return walk


def why_an_earlier_call_failed() -> Walk:
    walk = Walk.begin()
    walk.open("Calls", "All calls")
    assert "Busy" in walk.shown_text
    return walk


def withdraw_a_consent() -> Walk:
    walk = Walk.begin()
    walk.store.answers[Purpose.RECORDING] = True
    walk.store.tell_consents()
    walk.here().open("Privacy", "What I agree to", "Recording")
    choose(walk, "No")
    assert walk.store.answers[Purpose.RECORDING] is False
    return walk


def export_contacts() -> Walk:
    walk = Walk.begin()
    walk.open("Contacts")
    walk.press(Key.HASH)
    choose(walk, "Export")
    walk.dial(PIN)
    walk.press(Key.OK)
    assert len(walk.said(CopyContacts)) == 1
    return walk


def ask_for_erasure() -> Walk:
    """Nobody knows the PIN: from the fifth wrong one on the phone offers it."""
    walk = Walk.begin()
    walk.open("Settings", "Lock", "Lock now")
    walk.here().press(Key.MENU)
    for walk.store.wrong_pin_wait_s in (0, 0, 10, 20, 40):
        walk.dial("1379")
        walk.press(Key.OK)
    walk.press(Key.OK)
    assert RESET_NUMBER in walk.shown_text.replace(" ", "")
    return walk


def _has_called(walk: Walk, number: str) -> Walk:
    walk.settle()
    assert [call.uri for call in walk.placed] == [f"sip:{number}@example.com"]
    return walk


TASKS: Final[Mapping[str, Task]] = {
    "First run, until the phone can call": first_run,
    "Call whom the idle page shows": call_whom_the_idle_page_shows,
    "Call a contact by name": call_a_contact_by_name,
    "Add Mary and her number": add_mary,
    "Add 张伟 and his number, in Chinese": add_zhang_wei,
    "Call back a missed caller": call_back,
    "Call somebody else in a call": call_a_second_one,
    "Hand a call over": transfer,
    "Talk with two": talk_with_two,
    "Record a call for the first time, and play it": record_and_play,
    "Listen to voicemail": hear_voicemail,
    "Do not disturb": let_nothing_ring,
    "Block who called": block_a_caller,
    "Another ring tone": change_the_ring,
    "Another language": change_the_language,
    "Why the last call failed": why_the_last_call_failed,
    "Why an earlier call failed": why_an_earlier_call_failed,
    "Take a consent back": withdraw_a_consent,
    "Export the contacts": export_contacts,
    "Ask for the erasure of a phone whose PIN is forgotten": ask_for_erasure,
}
