"""The answering machine's pages: how it is switched on, and how its messages are heard beside the voicemail."""

import pytest

from contract.consent import Purpose
from firmware.phone.events import MissedCallsCounted
from firmware.phone.holder_settings import forget_erased
from firmware.phone.key import Key
from firmware.phone.menu_views import NoticeView
from firmware.phone.my_data import DataCategory
from firmware.phone.orders import OpenAudio, PlaceCall
from firmware.phone.preferences import Preferences
from firmware.phone.requests.recordings import ListRecordings, PlayRecording
from firmware.phone.view import Mode
from tests.unit.phone.desk import Desk
from tests.unit.phone.machine import SWITCHED_ON, unattended
from tests.unit.phone.menus import choose, labels, open_page, said, values
from tests.unit.phone.new_phone import PIN, NewPhone
from tests.unit.phone.recorded import list_recordings, recorded

pytestmark = pytest.mark.feature("answering machine")

VOICEMAIL = "3300"


def settings_page(desk: Desk) -> list[str]:
    open_page(desk, "Incoming calls", "Take messages")
    return [said(label) for label in labels(desk)]


def is_on(desk: Desk) -> bool:
    return desk.phone._state.features.preferences.answering_machine


def open_messages(desk: Desk, *unheard: bool) -> None:
    desk.press(Key.VOICEMAIL)
    rows = [recorded(place, is_new=is_new) for place, is_new in enumerate(unheard, start=1)]
    list_recordings(desk, *rows, unheard=sum(unheard))


# --- settings ---------------------------------------------------------------------------------------------------------


def test_it_is_off_until_the_holder_has_read_what_it_does_and_says_yes() -> None:
    desk = unattended(Preferences(screen_off_s=0))
    assert settings_page(desk) == ["Take messages", "After", "At most"]
    choose(desk, "Take messages")
    desk.press(Key.CANCEL)
    assert not is_on(desk)
    choose(desk, "Take messages")
    desk.press(Key.OK)
    assert is_on(desk)
    choose(desk, "Take messages")
    assert not is_on(desk)


def test_whoever_switches_it_on_without_having_agreed_to_recordings_is_asked_first() -> None:
    phone = NewPhone.of_office(activated=True)
    settings_page(phone)
    choose(phone, "Take messages")
    phone.answer()
    while isinstance(phone.view.menu, NoticeView):
        phone.ok()
    choose(phone, "Yes")
    phone.type_pin(PIN)
    assert phone.store.answers[Purpose.RECORDING]
    assert not is_on(phone)
    phone.ok()
    assert is_on(phone)


def test_when_it_answers_and_how_long_a_message_may_be_are_chosen() -> None:
    desk = unattended()
    settings_page(desk)
    choose(desk, "After")
    choose(desk, "30 s")
    choose(desk, "At most")
    choose(desk, "1 min")
    preferences = desk.phone._state.features.preferences
    assert (preferences.answer_after_s, preferences.longest_message_s) == (30, 60)
    assert [said(value) for value in values(desk)] == ["on", "30 s", "1 min"]


# --- messages ---------------------------------------------------------------------------------------------------------


def test_messages_are_listed_the_newest_first_and_below_them_the_way_to_the_voicemail() -> None:
    desk = unattended(voicemail_number=VOICEMAIL)
    open_messages(desk, True, False)
    assert [said(label) for label in labels(desk)] == ["Anna 1", "Anna 2", "Call voicemail"]
    assert [(said(row.value), row.detail) for row in desk.listing.rows] == [
        ("new", "25 Nov 14:01"),
        ("", "25 Nov 14:02"),
        ("", ""),
    ]
    assert desk.waiting(ListRecordings) == []
    assert desk.view.voicemail == 1


def test_the_voicemail_key_and_ok_play_a_message_to_whoever_lifts_the_handset() -> None:
    desk = unattended()
    open_messages(desk, True)
    desk.press(Key.OK)
    desk.lift()
    assert desk.view.mode is Mode.LISTENING
    assert [request.recording_id for request in desk.waiting(PlayRecording)] == ["r1"]
    # Whoever has heard it is not told of it again.
    desk.reply(PlayRecording, None)
    list_recordings(desk, recorded(), unheard=0)
    assert desk.view.voicemail == 0


def test_with_the_handset_up_the_key_shows_the_messages_too() -> None:
    desk = unattended(voicemail_number=VOICEMAIL)
    desk.handle(MissedCallsCounted(0))
    list_recordings(desk, unheard=1)
    desk.lift()
    open_messages(desk, True)
    assert desk.view.mode is Mode.LISTENING
    desk.press(Key.OK)
    assert desk.waiting(PlayRecording)


def test_the_last_row_calls_the_voicemail() -> None:
    desk = unattended(voicemail_number=VOICEMAIL)
    open_messages(desk)
    assert [said(label) for label in labels(desk)] == ["Call voicemail"]
    desk.press(Key.OK)
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == [f"sip:{VOICEMAIL}@example.com"]


def test_with_the_handset_up_and_nothing_new_here_the_key_calls_the_voicemail() -> None:
    desk = unattended(voicemail_number=VOICEMAIL)
    desk.lift()
    desk.press(Key.VOICEMAIL)
    assert [call.uri for call in desk.said(PlaceCall)] == [f"sip:{VOICEMAIL}@example.com"]


def test_with_the_handset_up_and_no_voicemail_the_messages_that_were_heard_are_shown() -> None:
    desk = unattended()
    desk.lift()
    open_messages(desk, False)
    assert [said(label) for label in labels(desk)] == ["Anna 1"]


def test_lifting_the_handset_on_the_last_row_calls_the_voicemail_and_on_a_message_nobody() -> None:
    desk = unattended(voicemail_number=VOICEMAIL)
    open_messages(desk, True)
    desk.lift()
    assert desk.view.mode is Mode.LISTENING
    assert not [order for order in desk.said(OpenAudio) if order.talk]
    desk.replace()
    desk.press(Key.VOLUME_DOWN)
    desk.lift()
    assert desk.said(PlaceCall)


@pytest.mark.parametrize("preferences", [Preferences(screen_off_s=0), SWITCHED_ON], ids=["off", "on"])
def test_while_it_is_off_the_key_shows_the_voicemail_s_number_as_ever(preferences: Preferences) -> None:
    desk = unattended(preferences, voicemail_number=VOICEMAIL)
    desk.press(Key.VOICEMAIL)
    desk.lift()
    assert bool(desk.said(PlaceCall)) is not preferences.answering_machine


def test_erased_with_the_recordings_no_message_is_counted_any_more() -> None:
    desk = unattended()
    open_messages(desk, True)
    forget_erased(desk.phone._state, {DataCategory.RECORDINGS})
    assert desk.phone._state.features.voicemail_count == 0
