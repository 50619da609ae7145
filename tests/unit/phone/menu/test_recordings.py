import pytest

from firmware.base.words import word
from firmware.phone.call import CallId, CallState
from firmware.phone.events import RecordingEnded, Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import ListView
from firmware.phone.orders import CloseAudio, OpenAudio, PlaceCall, SetVolume
from firmware.phone.recording import Playback, RecordingEnd, RecordingId
from firmware.phone.request import Failed
from firmware.phone.requests.recordings import (
    DeleteRecording,
    KeepRecording,
    ListRecordings,
    PausePlaying,
    PlaybackProgressed,
    PlayRecording,
    RecordingRow,
    ResumePlaying,
    SeekRecording,
    StopPlaying,
)
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import INCOMING, Desk, settings
from tests.unit.phone.menus import choose, labels, row_of, said, sentence
from tests.unit.phone.recorded import list_recordings, listen_to_a_recording, open_recordings, recorded


def progress(desk: Desk, at_s: float, playback: Playback = Playback.PLAYING) -> None:
    desk.handle(PlaybackProgressed(RecordingId("r1"), at_s, 95.0, playback))


def played(desk: Desk) -> list[PlayRecording]:
    return desk.said(PlayRecording)


# --- the list ---------------------------------------------------------------------------------------------------------


def test_every_recording_is_listed_with_who_and_when_and_whether_it_has_its_end(desk: Desk) -> None:
    open_recordings(desk, recorded(1), recorded(2, name=""), recorded(3, name="", number="", complete=False))
    assert [said(label) for label in labels(desk)] == ["Anna 1", "2302", "Number withheld"]
    details = [said(row.detail) for row in desk.listing.rows]
    assert details == ["25 Nov 14:01", "25 Nov 14:02", "Cut off, 25 Nov 14:03"]


def test_a_recording_is_heard_after_four_keys(desk: Desk) -> None:
    for key in (Key.MENU, "9"):
        desk.press(key)
    list_recordings(desk, recorded())
    for key in ("1", "1"):
        desk.press(key)
    desk.lift()
    assert desk.view.mode is Mode.LISTENING


def test_without_recordings_the_list_says_so(desk: Desk) -> None:
    open_recordings(desk)
    assert desk.listing.empty == word("No recordings")


def test_a_recording_says_how_long_it_is_and_how_much_room_all_take(desk: Desk) -> None:
    open_recordings(desk, recorded(size_bytes=12_000_000, complete=False))
    desk.press("1")
    assert row_of(desk, "Length").value == "1:35"
    assert said(row_of(desk, "All recordings").value) == "12 of 500 MB"
    assert row_of(desk, "Cut off")


def test_one_that_is_being_recorded_can_only_be_read_about_until_it_has_its_end(desk: Desk) -> None:
    open_recordings(desk, recorded(running=True, complete=False))
    desk.press("1")
    assert not {"Listen", "Keep", "Delete", "Cut off"} & {said(label) for label in labels(desk)}
    asked = len(desk.said(ListRecordings))
    desk.handle(RecordingEnded(CallId("over"), RecordingEnd.CALL_OVER))
    assert len(desk.said(ListRecordings)) > asked
    list_recordings(desk, recorded())
    assert said(labels(desk)[0]) == "Listen"


# --- keeping and deleting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("1 month", KeepRecording(RecordingId("r1"), True, 30)),
        ("1 year", KeepRecording(RecordingId("r1"), True, 365)),
        ("For good", KeepRecording(RecordingId("r1"), True, 0)),
        ("Not kept", KeepRecording(RecordingId("r1"), False)),
    ],
)
def test_a_recording_is_kept_as_long_as_is_wanted(desk: Desk, words: str, asked: KeepRecording) -> None:
    open_recordings(desk, recorded())
    desk.press("1")
    choose(desk, "Keep")
    choose(desk, words)
    assert desk.said(KeepRecording) == [asked]
    assert said(desk.listing.title) == "Anna 1"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (recorded(), ""),
        (recorded(kept=True), "for good"),
        (recorded(kept=True, kept_until="25 Dec 2026"), "until 25 Dec 2026"),
    ],
)
def test_a_recording_says_until_when_it_is_kept(desk: Desk, row: RecordingRow, words: str) -> None:
    open_recordings(desk, recorded())
    desk.press("1")
    desk.handle(RecordingEnded(CallId("over"), RecordingEnd.CALL_OVER))
    assert len(desk.said(ListRecordings)) == 2
    list_recordings(desk, row)
    assert said(row_of(desk, "Keep").value) == words


def test_a_recording_is_deleted_after_a_question(desk: Desk) -> None:
    open_recordings(desk, recorded())
    desk.press("1")
    choose(desk, "Delete")
    assert sentence(desk) == "Delete this recording?"
    assert not desk.said(DeleteRecording)
    desk.press(Key.OK)
    assert desk.said(DeleteRecording) == [DeleteRecording(RecordingId("r1"))]
    assert isinstance(desk.view.menu, ListView)
    assert said(desk.listing.title) == "Recordings"


def test_where_it_cannot_be_deleted_that_is_said(desk: Desk) -> None:
    open_recordings(desk, recorded())
    desk.press("1")
    choose(desk, "Delete")
    desk.press(Key.OK)
    desk.reply(DeleteRecording, Failed(word("The phone's memory is full.")))
    assert sentence(desk) == "The phone's memory is full."


# --- listening --------------------------------------------------------------------------------------------------------


def test_lifting_the_handset_lets_a_recording_be_heard_with_the_microphone_shut(desk: Desk) -> None:
    open_recordings(desk, recorded())
    desk.press("1")
    choose(desk, "Listen")
    assert played(desk) == [PlayRecording(RecordingId("r1"))]
    assert sentence(desk) == "Lift the handset to listen."
    assert OpenAudio(talk=False, speaker=False) in desk.lift()
    assert desk.view.mode is Mode.LISTENING
    progress(desk, 20.0)
    assert desk.notice.text == "0:20 / 1:35"
    assert desk.notice.percent == 21
    assert not desk.view.microphone_open
    assert CloseAudio() in desk.replace()
    assert desk.shown().mode is Mode.MENU
    assert sentence(desk) == "Lift the handset to listen."


def test_the_loudspeaker_plays_it_and_goes_off_at_its_end() -> None:
    desk = Desk(settings(has_loudspeaker=True))
    open_recordings(desk, recorded())
    desk.press("1")
    choose(desk, "Listen")
    assert OpenAudio(talk=False, speaker=True) in desk.press(Key.SPEAKER)
    progress(desk, 95.0, Playback.OVER)
    assert not desk.view.speaker
    assert desk.view.mode is Mode.MENU
    desk.press(Key.OK)
    assert played(desk)[-1] == PlayRecording(RecordingId("r1"), 0.0)


def test_keys_pause_it_go_on_and_go_back_and_forward(desk: Desk) -> None:
    listen_to_a_recording(desk)
    progress(desk, 20.0)
    assert PausePlaying() in desk.press(Key.OK)
    progress(desk, 20.0, Playback.PAUSED)
    assert sentence(desk) == "Paused 0:20 / 1:35"
    assert ResumePlaying() in desk.press(Key.OK)
    assert SeekRecording(-10.0) in desk.press("4")
    assert SeekRecording(10.0) in desk.press("6")


def test_volume_keys_make_it_louder_and_quieter(desk: Desk) -> None:
    listen_to_a_recording(desk)
    assert any(isinstance(command, SetVolume) for command in desk.press(Key.VOLUME_UP))
    assert desk.view.volume_percent is not None


def test_cancel_ends_it_and_leads_back_to_its_page(desk: Desk) -> None:
    listen_to_a_recording(desk)
    assert StopPlaying() in desk.press(Key.CANCEL)
    # With the handset off there is dial tone, and its page is there again once that lies in its cradle.
    assert desk.view.mode is Mode.COLLECTING_DIGITS
    desk.replace()
    assert desk.shown().mode is Mode.MENU
    assert said(desk.listing.title) == "Anna 1"
    desk.lift()
    assert desk.view.mode is Mode.COLLECTING_DIGITS


@pytest.mark.parametrize("leave", [Key.MENU, Key.CANCEL, Timer.INFO])
def test_nothing_is_heard_any_more_once_its_page_is_left(desk: Desk, leave: Key | Timer) -> None:
    open_recordings(desk, recorded())
    desk.press("1")
    choose(desk, "Listen")
    commands = desk.expire(leave) if isinstance(leave, Timer) else desk.press(leave)
    assert StopPlaying() in commands


def test_a_damaged_recording_is_played_up_to_the_damage(desk: Desk) -> None:
    listen_to_a_recording(desk)
    progress(desk, 33.0, Playback.DAMAGED)
    assert sentence(desk) == "The rest cannot be read."


def test_why_a_recording_cannot_be_played_is_said(desk: Desk) -> None:
    listen_to_a_recording(desk)
    desk.reply(PlayRecording, Failed(word("The phone's memory cannot be read.")))
    assert sentence(desk) == "The phone's memory cannot be read."


# --- calls meanwhile --------------------------------------------------------------------------------------------------


def test_a_call_that_comes_in_while_somebody_listens_waits_and_is_answered_by_ok(desk: Desk) -> None:
    listen_to_a_recording(desk)
    progress(desk, 20.0)
    desk.ring()
    assert desk.view.mode is Mode.LISTENING
    assert desk.view.hint is Hint.CALL_WAITING
    assert StopPlaying() in desk.press(Key.OK)
    desk.sip(CallState.ACTIVE, INCOMING)
    desk.audio(INCOMING)
    assert desk.shown().mode is Mode.IN_CALL
    assert desk.view.microphone_open
    # The page is there again after the call, at the place where it was left.
    progress(desk, 21.0, Playback.STOPPED)
    desk.replace()
    assert desk.shown().mode is Mode.MENU
    assert played(desk)[-1] == PlayRecording(RecordingId("r1"), 21.0)


def test_a_call_that_is_declined_leaves_the_listener_in_peace(desk: Desk) -> None:
    listen_to_a_recording(desk)
    desk.ring()
    desk.press(Key.CANCEL)
    assert desk.view.mode is Mode.LISTENING
    assert not desk.said(StopPlaying)


def test_a_call_that_comes_in_before_anybody_listens_rings(desk: Desk) -> None:
    open_recordings(desk, recorded())
    desk.press("1")
    choose(desk, "Listen")
    assert StopPlaying() in desk.ring()
    assert desk.view.mode is Mode.RINGING
    desk.lift()
    assert desk.shown().mode is Mode.IN_CALL


def test_hanging_up_on_a_recording_lets_the_waiting_call_ring(desk: Desk) -> None:
    listen_to_a_recording(desk)
    desk.ring()
    desk.replace()
    assert desk.view.mode is Mode.RINGING


def test_an_emergency_number_can_be_dialled_after_cancel(desk: Desk) -> None:
    listen_to_a_recording(desk)
    desk.press(Key.CANCEL)
    desk.dial("112")
    assert desk.said(PlaceCall)
