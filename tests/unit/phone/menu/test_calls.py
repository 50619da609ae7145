import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.base.words import word
from firmware.phone.call import AudioTrouble, CallId, CallQuality, CallState, Decision, Verification
from firmware.phone.commands import MarkMissedCallsSeen, SavePreferences
from firmware.phone.contact import Contact, ContactNumber
from firmware.phone.events import MissedCallsCounted, RecordingEnded
from firmware.phone.kept_text import Utterance
from firmware.phone.key import Key
from firmware.phone.menu_views import CALLED, CAME, MISSED, ListView, NoticeView
from firmware.phone.orders import PlaceCall
from firmware.phone.phrases import HINTS, REASONS, UNKNOWN_CALLER, VERIFICATIONS
from firmware.phone.preferences import Preferences
from firmware.phone.recording import RecordingEnd
from firmware.phone.request import Answered, Failed, Stretch
from firmware.phone.requests.calls import CallKind, ClearCalls, DeleteCall, ListCalls, LoggedCall, ReadCallText
from firmware.phone.requests.contacts import DeleteContact, ReadContact, SaveContact
from firmware.phone.requests.recordings import FindRecordings, PlayRecording
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import INCOMING, Desk
from tests.unit.phone.menus import choose, labels, open_page, row_of, said
from tests.unit.phone.office import office
from tests.unit.phone.recorded import recorded


def logged(place: int, **more: object) -> LoggedCall:
    facts: dict[str, object] = {
        "direction": CallDirection.INCOMING,
        "number": f"23{place:02}",
        "name": "",
        "at": f"25 Nov 14:{place:02}",
        "duration_s": 0,
        "answered": False,
        "reason": None,
    }
    return LoggedCall(CallId(f"c{place}"), **(facts | more))  # type: ignore[arg-type]


def open_list(desk: Desk, *calls: LoggedCall, kind: CallKind = CallKind.ALL, title: str = "All calls") -> None:
    open_page(desk, "Calls", title)
    assert desk.said(ListCalls)[-1].kind is kind
    desk.reply(ListCalls, Stretch(0, len(calls), calls))


@pytest.fixture
def desk() -> Desk:
    return office()


@pytest.mark.feature("verified callers")
@pytest.mark.parametrize("verification", Verification)
def test_a_call_says_what_the_server_said_of_its_number(desk: Desk, verification: Verification) -> None:
    open_list(desk, logged(1, verification=verification))
    desk.press(Key.OK)
    choose(desk, said(VERIFICATIONS[verification]))


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("All calls", CallKind.ALL),
        ("Missed calls", CallKind.MISSED),
        ("Received calls", CallKind.RECEIVED),
        ("Dialled calls", CallKind.DIALLED),
    ],
)
def test_there_is_a_list_of_each_kind(desk: Desk, title: str, kind: CallKind) -> None:
    open_list(desk, logged(1), kind=kind, title=title)
    assert said(desk.listing.title) == ("Missed (# more)" if kind is CallKind.MISSED else title)
    assert [(row.value, row.detail) for row in desk.listing.rows] == [("", "25 Nov 14:01")]


def test_until_the_store_answers_the_list_asks_for_patience_and_takes_no_row(desk: Desk) -> None:
    open_page(desk, "Calls", "All calls")
    assert desk.listing.empty == word("One moment…")
    for key in (Key.OK, "1", Key.VOLUME_DOWN, Key.REDIAL):
        desk.press(key)
    assert said(desk.listing.title) == "All calls"
    desk.reply(ListCalls, Stretch(0, 0, ()))
    assert desk.listing.empty == word("No calls")


def test_a_list_of_another_kind_is_not_shown_here(desk: Desk) -> None:
    open_page(desk, "Calls", "Missed calls")
    desk.handle(Answered(ListCalls(CallKind.ALL, 0, 60), Stretch(0, 1, (logged(1),))))
    assert labels(desk) == []


def test_the_list_of_all_calls_says_which_way_each_went(desk: Desk) -> None:
    open_list(
        desk,
        logged(1, name="Anna", answered=True),
        logged(2, number=""),
        logged(3, direction=CallDirection.OUTGOING),
    )
    rows = desk.listing.rows
    assert [row.sign for row in rows] == [CAME, MISSED, CALLED]
    assert [said(row.label) for row in rows] == ["Anna", "Number withheld", "2303"]
    assert [said(row.said) for row in rows] == ["From Anna", "Missed: Number withheld", "Called 2303"]


def test_who_opens_the_missed_calls_has_seen_them(desk: Desk) -> None:
    desk.handle(MissedCallsCounted(2))
    desk.press(Key.MENU)
    assert row_of(desk, "Calls").value == "2"
    choose(desk, "Calls")
    assert row_of(desk, "Missed calls").value == "2"
    choose(desk, "All calls")
    assert desk.said(MarkMissedCallsSeen) == []
    desk.press(Key.CANCEL)
    choose(desk, "Missed calls")
    assert desk.said(MarkMissedCallsSeen) == [MarkMissedCallsSeen()]
    assert desk.view.missed_calls == 0


def test_a_call_page_tells_everything_and_is_three_keys_and_one_away(desk: Desk) -> None:
    quality = CallQuality(loss_percent=0.5, jitter_ms=3, round_trip_ms=None, codec="opus", encrypted=True, mos=3.2)
    call = logged(
        1,
        name="Anna",
        answered=True,
        duration_s=125,
        attribution="Shanghai",
        reason=DisconnectReason.REMOTE_HANGUP,
        decision=Decision.AUTO_ANSWERED,
        quality=quality,
    )
    open_list(desk, call)
    desk.press("1")
    assert desk.listing.title == "Anna"
    shown = [(said(row.label), said(row.value)) for row in desk.listing.rows]
    assert ("Call back", "2301") in shown
    assert shown[-11:] == [
        ("From Anna", "25 Nov 14:01"),
        ("Where", "Shanghai"),
        ("Talked", "2:05"),
        ("Auto-answered", ""),
        ("They hung up", ""),
        ("Sound", "fair, 3.2 of 5"),
        ("Lost", "0.5 %"),
        ("Jitter", "3 ms"),
        ("Round trip", "?"),
        ("Codec", "opus"),
        ("Encrypted", "yes"),
    ]


def test_a_call_page_tells_who_heard_nothing_in_place_of_how_it_sounded(desk: Desk) -> None:
    quality = CallQuality(0, 3, 20, "opus", encrypted=True, mos=4.2, trouble=AudioTrouble.NOT_HEARD)
    open_list(desk, logged(1, answered=True, duration_s=5, quality=quality))
    desk.press("1")
    assert ("Sound", "They hear nothing") in [(said(row.label), said(row.value)) for row in desk.listing.rows]


def test_a_call_page_tells_what_was_repaired_and_how_the_far_end_heard_it_where_that_is_known(desk: Desk) -> None:
    quality = CallQuality(
        10, 3, 20, "opus", encrypted=True, mos=4.2, repaired_percent=9.5, far_loss_percent=1.25, far_mos=3.2
    )
    open_list(desk, logged(1, answered=True, duration_s=5, quality=quality))
    desk.press("1")
    assert [(said(row.label), said(row.value)) for row in desk.listing.rows][-9:] == [
        ("Sound", "good, 4.2 of 5"),
        ("Lost", "10.0 %"),
        ("Repaired", "9.5 %"),
        ("Jitter", "3 ms"),
        ("Round trip", "20 ms"),
        ("Codec", "opus"),
        ("Encrypted", "yes"),
        ("Sound there", "fair, 3.2 of 5"),
        ("Lost there", "1.2 %"),
    ]


def test_a_row_that_is_only_read_has_no_digit_and_ok_does_nothing(desk: Desk) -> None:
    open_list(desk, logged(1))
    desk.press("1", Key.VOLUME_UP)
    view = desk.listing
    assert view.selected is not None
    assert view.rows[view.selected].number == 0
    assert view.keys.ok == ""
    desk.press(Key.OK)
    assert desk.listing == view


@pytest.mark.parametrize("where", ["list", "page"])
@pytest.mark.parametrize("how", ["lift", "redial", "ok"])
def test_a_call_is_called_back(desk: Desk, where: str, how: str) -> None:
    open_list(desk, logged(1))
    if where == "page":
        desk.press("1")
    match how:
        case "redial":
            desk.press(Key.REDIAL)
        case "ok":
            if where == "list":
                desk.press(Key.OK)
            desk.press(Key.OK)
    if how != "lift":
        assert (desk.view.mode, desk.view.digits) == (Mode.COLLECTING_DIGITS, "2301")
        assert desk.view.hint is Hint.LIFT_HANDSET
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2301@example.com"]


@pytest.mark.parametrize(("number", "ok"), [("2301", "Call back"), ("", "OK")])
def test_ok_calls_back_whose_call_was_missed_and_hash_or_a_digit_shows_all_about_it(number: str, ok: str) -> None:
    desk = office()
    open_list(desk, logged(1, number=number), kind=CallKind.MISSED, title="Missed calls")
    assert said(desk.listing.keys.ok) == ok
    for key in (Key.HASH, "1"):
        desk.press(key)
        assert desk.listing.title in {number, UNKNOWN_CALLER}
        desk.press(Key.CANCEL)
        desk.reply(ListCalls, Stretch(0, 1, (logged(1, number=number),)))
    desk.press(Key.OK)
    assert desk.view.digits == number
    desk.lift()
    assert len(desk.said(PlaceCall)) == len(number[:1])


def test_the_lists_say_why_a_call_failed_beside_when_it_was(desk: Desk) -> None:
    calls = (logged(1, reason=DisconnectReason.BUSY), logged(2, reason=DisconnectReason.REMOTE_HANGUP))
    open_list(desk, *calls, kind=CallKind.DIALLED, title="Dialled calls")
    assert [said(row.detail) for row in desk.listing.rows] == ["Busy, 25 Nov 14:01", "25 Nov 14:02"]


@pytest.mark.parametrize(
    ("reason", "first"), [(DisconnectReason.BUSY, "Busy"), (DisconnectReason.REMOTE_HANGUP, "Save number")]
)
def test_why_a_call_failed_stands_below_the_first_row_of_its_page(reason: DisconnectReason, first: str) -> None:
    desk = office()
    open_list(desk, logged(1, direction=CallDirection.OUTGOING, reason=reason))
    desk.press("1")
    assert said(labels(desk)[1]) == first
    assert len([label for label in labels(desk) if label == REASONS[reason]]) == 1


def test_call_back_calls_on_the_loudspeaker_where_there_is_one() -> None:
    desk = office(has_loudspeaker=True)
    open_list(desk, logged(1))
    desk.press("1", Key.OK)
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2301@example.com"]


def test_a_caller_whose_number_is_an_emergency_number_is_called_by_lifting_alone() -> None:
    desk = office(has_loudspeaker=True)
    open_list(desk, logged(1, number="112"), kind=CallKind.MISSED, title="Missed calls")
    desk.press(Key.OK)
    assert (desk.said(PlaceCall), desk.view.digits) == ([], "112")
    desk.lift()
    assert len(desk.said(PlaceCall)) == 1


def test_a_caller_whose_number_is_a_code_changes_no_setting() -> None:
    desk = office("xxxx", "*xxxxxx", has_loudspeaker=True)
    before = desk.said(SavePreferences)
    open_list(desk, logged(1, number="*722345"), kind=CallKind.MISSED, title="Missed calls")
    desk.press(Key.OK)
    assert desk.notice.text == HINTS[Hint.NUMBER_IMPOSSIBLE]
    assert (desk.said(SavePreferences), desk.said(PlaceCall)) == (before, [])


def test_who_withheld_the_number_cannot_be_called_back_but_deleted(desk: Desk) -> None:
    open_list(desk, logged(1, number=""))
    desk.press(Key.REDIAL)
    assert (desk.notice.title, desk.notice.text) == (UNKNOWN_CALLER, HINTS[Hint.NUMBER_IMPOSSIBLE])
    desk.press(Key.CANCEL, "1")
    assert [said(label) for label in labels(desk)] == ["Delete", "Missed: Number withheld"]
    desk.lift()
    assert desk.view.mode is Mode.COLLECTING_DIGITS
    assert desk.said(PlaceCall) == []


def test_a_caller_is_blocked_and_rings_again(desk: Desk) -> None:
    open_list(desk, logged(1))
    desk.press("1")
    choose(desk, "Block")
    assert list(desk.phone._state.features.preferences.blocked) == ["2301"]
    choose(desk, "Unblock")
    assert list(desk.phone._state.features.preferences.blocked) == []


def test_a_number_is_saved_as_a_contact_with_what_the_caller_called_itself(desk: Desk) -> None:
    open_list(desk, logged(1, name="Anna"))
    desk.press("1")
    choose(desk, "Save number")
    assert said(desk.listing.title) == "New contact"
    assert row_of(desk, "Name").value == "Anna"
    assert any(row.label == "2301" or row.value == "2301" for row in desk.listing.rows)


def test_a_number_that_somebody_has_already_opens_the_contact_instead(desk: Desk) -> None:
    open_list(desk, logged(1, name="Anna", contact_id=7))
    desk.press("1")
    assert "Save number" not in map(said, labels(desk))
    choose(desk, "Open contact")
    assert desk.said(ReadContact) == [ReadContact(7)]


def test_a_number_that_was_just_saved_is_a_contacts_until_that_is_deleted(desk: Desk) -> None:
    open_list(desk, logged(1))
    desk.press("1")
    anna = Contact(7, "Anna", (ContactNumber("2301"),))
    choose(desk, "Save number")
    choose(desk, "Save")
    desk.reply(SaveContact, Contact(8, "Bob", (ContactNumber("2399"),)))
    assert "Save number" in map(said, labels(desk))
    choose(desk, "Save number")
    choose(desk, "Save")
    desk.reply(SaveContact, anna)
    assert said(desk.listing.title) == "Anna"
    choose(desk, "Open contact")
    assert desk.said(ReadContact) == [ReadContact(7)]
    desk.reply(ReadContact, anna)
    choose(desk, "Delete")
    desk.press(Key.OK)
    desk.reply(DeleteContact, None)
    assert "Save number" in map(said, labels(desk))


def test_a_full_block_list_says_so() -> None:
    desk = office(preferences=Preferences(blocked=tuple(str(number) for number in range(200))))
    open_list(desk, logged(1))
    desk.press("1")
    choose(desk, "Block")
    assert isinstance(desk.view.menu, NoticeView)
    assert len(desk.phone._state.features.preferences.blocked) == 200


def test_one_call_is_deleted_after_one_question(desk: Desk) -> None:
    open_list(desk, logged(1), logged(2))
    desk.press("2")
    choose(desk, "Delete")
    assert isinstance(desk.view.menu, NoticeView)
    desk.press(Key.CANCEL)
    assert desk.said(DeleteCall) == []
    choose(desk, "Delete")
    desk.press(Key.OK)
    assert desk.said(DeleteCall) == [DeleteCall(CallId("c2"))]
    desk.reply(DeleteCall, None)
    desk.reply(ListCalls, Stretch(0, 1, (logged(1),)))
    assert len(labels(desk)) == 1
    assert desk.listing.selected == 0


def test_all_calls_are_forgotten_after_one_question(desk: Desk) -> None:
    desk.handle(MissedCallsCounted(2))
    open_page(desk, "Calls", "Delete all calls")
    assert isinstance(desk.view.menu, NoticeView)
    assert ClearCalls(CallKind.ALL) in desk.press(Key.OK)
    assert desk.view.missed_calls == 0
    assert said(desk.listing.title) == "Calls"


def test_the_volume_keys_turn_a_question_over_and_answer_nothing(desk: Desk) -> None:
    open_page(desk, "Calls", "Delete all calls")
    for key, scroll in ((Key.VOLUME_DOWN, 1), (Key.VOLUME_DOWN, 2), (Key.VOLUME_UP, 1), ("5", 1)):
        desk.press(key)
        assert desk.notice.scroll == scroll
    assert desk.said(ClearCalls) == []


def test_a_store_that_fails_says_so(desk: Desk) -> None:
    sentence = word("This phone's memory cannot be used now.")
    open_page(desk, "Calls", "All calls")
    desk.reply(ListCalls, Failed(sentence))
    assert desk.listing.empty == sentence
    desk.press(Key.CANCEL)
    choose(desk, "Delete all calls")
    desk.press(Key.OK)
    desk.reply(ClearCalls, Failed(sentence))
    assert desk.notice.text == sentence


# --- lists of any length ---


def serve(desk: Desk, total: int) -> None:
    """Answer the newest question as the store would."""
    if not (waiting := desk.waiting(ListCalls)):
        return
    asked = waiting[-1]
    places = range(asked.first, min(total, asked.first + asked.limit))
    desk.reply(ListCalls, Stretch(asked.first, total, tuple(logged(place) for place in places)))


def test_a_long_list_is_read_a_stretch_at_a_time_and_the_selected_row_is_always_shown(desk: Desk) -> None:
    open_page(desk, "Calls", "Dialled calls")
    serve(desk, 1000)
    for place in range(1, 1000):
        desk.press(Key.VOLUME_DOWN)
        serve(desk, 1000)
        view = desk.listing
        assert view.selected == place
        assert view.first <= place < view.first + len(view.rows)
        assert view.total == 1000
    assert len(desk.said(ListCalls)) < 100
    desk.press(Key.VOLUME_DOWN)
    assert desk.listing.selected == 999
    for place in reversed(range(999)):
        desk.press(Key.VOLUME_UP)
        serve(desk, 1000)
        view = desk.listing
        assert view.selected == place
        assert view.first <= place < view.first + len(view.rows)


def test_a_finger_that_is_faster_than_the_store_stops_at_what_is_known(desk: Desk) -> None:
    open_page(desk, "Calls", "Dialled calls")
    serve(desk, 1000)
    for _ in range(500):
        desk.press(Key.VOLUME_DOWN)
    assert desk.listing.selected == 59
    assert len(desk.said(ListCalls)) == 2
    serve(desk, 1000)
    desk.press(Key.VOLUME_DOWN)
    assert desk.listing.selected == 60


def test_a_list_that_has_become_shorter_keeps_its_selected_row_within(desk: Desk) -> None:
    open_page(desk, "Calls", "Dialled calls")
    serve(desk, 1000)
    for _ in range(300):
        desk.press(Key.VOLUME_DOWN)
        serve(desk, 1000)
    desk.press(Key.OK)
    choose(desk, "Delete")
    desk.press(Key.OK)
    desk.reply(DeleteCall, None)
    serve(desk, 5)
    serve(desk, 5)
    view = desk.listing
    assert (view.selected, view.total) == (4, 5)
    assert view.first <= 4 < view.first + len(view.rows)


def test_a_call_that_comes_in_over_the_list_reads_it_anew_afterwards(desk: Desk) -> None:
    open_list(desk, logged(1))
    desk.ring()
    asked = len(desk.said(ListCalls))
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    assert desk.view.mode is Mode.MENU
    assert len(desk.said(ListCalls)) == asked + 1
    assert isinstance(desk.view.menu, ListView)


def test_the_recording_of_a_call_is_found_on_its_page(desk: Desk) -> None:
    open_list(desk, logged(1, answered=True, duration_s=90))
    desk.press("1")
    assert desk.said(FindRecordings) == [FindRecordings(CallId("c1"))]
    assert "Recording" not in {said(label) for label in labels(desk)}
    desk.handle(Answered(FindRecordings(CallId("c2")), (recorded(2),)))
    desk.reply(FindRecordings, (recorded(1),))
    assert row_of(desk, "Recording").value == "1:35"
    choose(desk, "Recording")
    assert "All recordings" not in {said(label) for label in labels(desk)}
    desk.handle(RecordingEnded(CallId("over"), RecordingEnd.CALL_OVER))
    assert len(desk.said(FindRecordings)) == 2
    desk.reply(FindRecordings, (recorded(1, kept=True),))
    assert said(row_of(desk, "Keep").value) == "for good"
    choose(desk, "Listen")
    assert desk.said(PlayRecording)[-1].recording_id == recorded(1).recording_id


def test_nobody_asks_for_recordings_of_a_call_that_was_missed(desk: Desk) -> None:
    open_list(desk, logged(1))
    desk.press("1")
    assert not desk.said(FindRecordings)


def test_whether_text_of_calls_is_kept_is_asked_once_and_taken_back_at_once(desk: Desk) -> None:
    open_page(desk, "Calls")
    assert said(row_of(desk, "Keep text").value) == "off"
    choose(desk, "Keep text")
    assert not desk.said(SavePreferences)
    desk.press(Key.OK)
    assert desk.said(SavePreferences)[-1].preferences.keeps_call_text
    assert said(row_of(desk, "Keep text").value) == "on"
    choose(desk, "Keep text")
    assert not desk.said(SavePreferences)[-1].preferences.keeps_call_text


def test_what_was_written_in_a_call_is_read_on_its_page(desk: Desk) -> None:
    open_list(desk, logged(1, answered=True, duration_s=90, name="Mary"))
    desk.press("1")
    assert desk.said(ReadCallText) == [ReadCallText(CallId("c1"))]
    assert "Text" not in {said(label) for label in labels(desk)}
    desk.reply(ReadCallText, (Utterance(ours=True, text="Well?"), Utterance(ours=False, text="Fine")))
    choose(desk, "Text")
    assert [said(row.label) for row in desk.card.rows] == ["You: Well?", "Mary: Fine"]
