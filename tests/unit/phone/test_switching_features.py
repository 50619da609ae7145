import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallerId, CallId, CallState, Decision, RejectReason, SipUri
from firmware.phone.commands import (
    CancelTimer,
    CloseCallRecord,
    IndicatorPattern,
    MarkMissedCallsSeen,
    OpenCallRecord,
    SavePreferences,
    SetIndicator,
    StartTimer,
)
from firmware.phone.events import LastDialledLoaded, PreferencesLoaded, Timer
from firmware.phone.features import Feature, FeatureCodes, Hotline
from firmware.phone.key import Key
from firmware.phone.news import VoicemailCounted
from firmware.phone.orders import PlaceCall, PlayTone, RedirectCall, RejectCall, Tone
from firmware.phone.preferences import Preferences
from firmware.phone.view import Hint, Mode, Refusal
from tests.unit.phone.desk import CALLER, INCOMING, Desk
from tests.unit.phone.menus import said
from tests.unit.phone.office import office, office_settings


def dial_off_hook(desk: Desk, keys: str) -> Desk:
    desk.lift()
    desk.dial(keys)
    return desk


def saved(desk: Desk) -> Preferences:
    return desk.said(SavePreferences)[-1].preferences


def _codes_without(code: str) -> FeatureCodes:
    codes = office_settings().feature_codes.codes
    return FeatureCodes({feature: text for feature, text in codes.items() if text != code})


# --- codes ---


@pytest.fixture
def desk() -> Desk:
    return office()


def test_a_code_switches_its_feature_says_so_and_is_kept(subtests: pytest.Subtests) -> None:
    for keys, before, after, hint, name in [
        ("*78", {}, {"do_not_disturb": True}, Hint.FEATURE_ON, "do_not_disturb"),
        ("*79", {"do_not_disturb": True}, {}, Hint.FEATURE_OFF, "do_not_disturb"),
        ("*722345#", {}, {"forward_always": "2345"}, Hint.FEATURE_ON, "forward_always"),
        ("*73", {"forward_always": "2345"}, {}, Hint.FEATURE_OFF, "forward_always"),
        ("*902345#", {}, {"forward_busy": "2345"}, Hint.FEATURE_ON, "forward_busy"),
        ("*91", {"forward_busy": "2345"}, {}, Hint.FEATURE_OFF, "forward_busy"),
        ("*922345#", {}, {"forward_no_answer": "2345"}, Hint.FEATURE_ON, "forward_no_answer"),
        ("*93", {"forward_no_answer": "2345"}, {}, Hint.FEATURE_OFF, "forward_no_answer"),
        ("*77", {}, {"reject_anonymous": True}, Hint.FEATURE_ON, "reject_anonymous"),
        ("*87", {"reject_anonymous": True}, {}, Hint.FEATURE_OFF, "reject_anonymous"),
        ("*50", {}, {"auto_answer": True}, Hint.FEATURE_ON, "auto_answer"),
        ("*51", {"auto_answer": True}, {}, Hint.FEATURE_OFF, "auto_answer"),
        ("*983234#", {}, {"speed_dials": (("3", "234"),)}, Hint.FEATURE_ON, "speed_dial"),
        (
            "*983234#",
            {"speed_dials": (("2", "1"), ("3", "99"))},
            {"speed_dials": (("2", "1"), ("3", "234"))},
            Hint.FEATURE_ON,
            "speed_dial",
        ),
        ("*61", {"blocked": ("1", "2")}, {"blocked": ("1",)}, Hint.FEATURE_OFF, "block"),
    ]:
        with subtests.test(keys=keys, before=before, after=after, hint=hint, name=name):
            lifted, in_cradle = (office(preferences=Preferences(**before)) for _ in range(2))  # type: ignore[arg-type]
            assert PlayTone(Tone.CONFIRMATION) in dial_off_hook(lifted, keys).all_commands
            in_cradle.dial(keys)
            in_cradle.press(Key.OK)
            assert in_cradle.view.mode is Mode.IDLE
            assert in_cradle.said(PlayTone) == []
            for desk in (lifted, in_cradle):
                assert saved(desk) == Preferences(**after)  # type: ignore[arg-type]
                assert (desk.view.hint, desk.view.feature) == (hint, name)
                assert desk.said(PlaceCall) == []


@pytest.mark.parametrize(
    "keys",
    ["*72112#", "*721001#", "*90900123#", "*60", "*61", "*980234#", "*982900123#", "*66", "*72911#"],
)
def test_what_cannot_be_is_refused_by_tone_and_in_words_and_changes_nothing(keys: str) -> None:
    desk = office("x.T", barred=("900*",), emergency_numbers=("911",))
    dial_off_hook(desk, keys)
    assert desk.view.hint is Hint.FEATURE_IMPOSSIBLE
    assert desk.all_commands.count(PlayTone(Tone.REORDER)) == 1
    assert desk.said(SavePreferences) == []


def test_what_cannot_be_is_refused_on_hook_too(desk: Desk) -> None:
    desk.dial("*72112", Key.OK)
    assert desk.view.hint is Hint.FEATURE_IMPOSSIBLE
    assert desk.view.feature == "forward_always"
    assert desk.said(SavePreferences) == []


def test_after_a_confirmation_dial_tone_returns_and_a_number_may_follow_at_once() -> None:
    desk = dial_off_hook(office(), "*78")
    assert PlayTone(Tone.DIAL) in desk.expire(Timer.INTER_DIGIT)
    desk.dial("*79")
    desk.dial("112")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


def test_a_code_that_waits_for_its_number_tells_when_it_does_not_come() -> None:
    desk = dial_off_hook(office(), "*72")
    desk.expire(Timer.INTER_DIGIT)
    assert desk.view.hint is Hint.NUMBER_INCOMPLETE
    assert desk.said(SavePreferences) == []


def test_a_code_with_a_number_that_may_be_complete_is_done_after_silence() -> None:
    desk = dial_off_hook(office(), "*722345")
    desk.expire(Timer.INTER_DIGIT)
    assert saved(desk).forward_always == "2345"


def test_a_code_dialled_before_lifting_is_done_by_lifting(desk: Desk) -> None:
    desk.dial("*78")
    desk.lift()
    assert saved(desk).do_not_disturb
    assert desk.view.hint is Hint.FEATURE_ON


def test_a_code_that_is_switched_off_goes_to_the_server() -> None:
    desk = office("x.T", "*xx", feature_codes=_codes_without("*78"))
    dial_off_hook(desk, "*78")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:*78@example.com"]


def test_codes_may_begin_and_end_with_hash() -> None:
    codes = FeatureCodes({Feature.ANONYMOUS_CALL: "#31#", Feature.CALL_BACK: "#69#"})
    desk = dial_off_hook(office(feature_codes=codes), "#31#2345#")
    assert [(call.uri, call.anonymous) for call in desk.said(PlaceCall)] == [("sip:2345@example.com", True)]
    desk.replace()
    dial_off_hook(desk, "#31##")
    assert desk.view.hint is Hint.NUMBER_INCOMPLETE
    desk.replace()
    dial_off_hook(desk, "#69#")
    assert desk.shown().hint is Hint.NOTHING_TO_REDIAL


def test_a_server_code_that_is_longer_than_one_of_ours_still_reaches_the_server() -> None:
    desk = office("x.T", "*7xT")
    dial_off_hook(desk, "*7")
    assert desk.view.hint is None
    desk.dial("4")
    desk.press("#")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:*74@example.com"]


def test_an_unprovisioned_phone_knows_no_codes() -> None:
    desk = office(provisioned=False)
    dial_off_hook(desk, "*78")
    assert desk.said(SavePreferences) == []


# --- what the store remembers ---


def test_the_store_brings_back_what_the_holder_has_set() -> None:
    desk = office(preferences=Preferences(forward_always="2000"))
    desk.handle(PreferencesLoaded(Preferences(do_not_disturb=True)))
    assert desk.view.do_not_disturb
    assert desk.view.forwarding == ""


def test_a_store_that_answers_late_undoes_nothing_and_loses_nothing() -> None:
    desk = office(preferences=Preferences(forward_always="2000", screen_off_s=0))
    desk.press(Key.DO_NOT_DISTURB)
    desk.dial("*73", Key.OK)
    desk.handle(PreferencesLoaded(Preferences(forward_always="2001", forward_busy="2002")))
    assert desk.view.do_not_disturb
    assert desk.view.forwarding == ""
    assert saved(desk) == Preferences(do_not_disturb=True, forward_busy="2002")


# --- do not disturb ---


def test_the_do_not_disturb_key_turns_calls_away_until_it_is_pressed_again(desk: Desk) -> None:
    desk.press(Key.DO_NOT_DISTURB)
    assert (desk.view.hint, desk.view.feature) == (Hint.FEATURE_ON, "do_not_disturb")
    assert RejectCall(INCOMING, RejectReason.DO_NOT_DISTURB) in desk.ring()
    assert desk.view.refusal == Refusal("Anna", Decision.DO_NOT_DISTURB)
    assert CloseCallRecord(INCOMING, DisconnectReason.REJECTED, 480, Decision.DO_NOT_DISTURB) in desk.all_commands
    desk.press(Key.DO_NOT_DISTURB)
    assert desk.view.hint is Hint.FEATURE_OFF
    desk.ring(CallId("second"))
    assert desk.view.mode is Mode.RINGING


def test_what_the_phone_decided_shows_until_the_person_has_seen_it() -> None:
    desk = office(preferences=Preferences(forward_always="2999"))
    assert RedirectCall(INCOMING, SipUri("sip:2999@example.com")) in desk.ring()
    assert desk.view.refusal == Refusal("Anna", Decision.FORWARDED_ALWAYS)
    assert SetIndicator(IndicatorPattern.SLOW_BLINK) in desk.all_commands
    assert SetIndicator(IndicatorPattern.OFF) in desk.press(Key.CANCEL)
    assert desk.view.refusal is None


# --- callers ---


def test_the_last_caller_is_called_back_and_blocked_by_codes(desk: Desk) -> None:
    desk.ring()
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    dial_off_hook(desk, "*69")
    assert [call.uri for call in desk.said(PlaceCall)] == [f"sip:{CALLER.number}@example.com"]
    desk.replace()
    dial_off_hook(desk, "*60")
    assert saved(desk).blocked == (CALLER.number,)
    desk.replace()
    assert RejectCall(CallId("again"), RejectReason.BLOCKED) in desk.ring(CallId("again"))


def test_a_caller_whose_number_looks_like_a_pattern_cannot_block_many_others(desk: Desk) -> None:
    desk.ring(caller=CallerId("0*"))
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    dial_off_hook(desk, "*60")
    assert desk.view.hint is Hint.FEATURE_IMPOSSIBLE


def test_without_a_caller_there_is_nobody_to_call_back(desk: Desk) -> None:
    dial_off_hook(desk, "*69")
    assert desk.view.hint is Hint.NOTHING_TO_REDIAL
    desk.replace()
    desk.ring(caller=CallerId(""))
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    dial_off_hook(desk, "*69")
    assert desk.view.hint is Hint.NOTHING_TO_REDIAL
    assert desk.said(PlaceCall) == []


def test_redial_shows_a_missed_call_before_the_last_number(desk: Desk) -> None:
    desk.handle(LastDialledLoaded("2345"))
    desk.ring()
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    desk.press(Key.REDIAL)
    assert desk.view.digits == CALLER.number
    desk.press(Key.CANCEL)
    desk.hold_down(Key.CANCEL)
    assert MarkMissedCallsSeen() in desk.press(Key.CANCEL)
    desk.press(Key.REDIAL)
    assert desk.view.digits == "2345"


def test_an_anonymous_call_withholds_the_number_also_when_it_is_dialled_again(desk: Desk) -> None:
    dial_off_hook(desk, "*672345#")
    assert desk.records()[-1].dialled == "*672345"
    assert desk.records()[-1].number == "2345"
    desk.replace()
    desk.lift()
    desk.press(Key.REDIAL)
    assert [(call.uri, call.anonymous) for call in desk.said(PlaceCall)] == [("sip:2345@example.com", True)] * 2


# --- speed dial and voicemail ---


def test_holding_a_digit_calls_its_number() -> None:
    desk = office(preferences=Preferences(speed_dials=(("3", "2345"),)))
    desk.lift()
    desk.press("3")
    desk.hold_down("3")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2345@example.com"]


def test_holding_a_digit_on_hook_shows_its_number_and_lifting_calls_it() -> None:
    desk = office(preferences=Preferences(speed_dials=(("3", "2345"),)))
    desk.press("3")
    desk.hold_down("3")
    assert desk.view.digits == "2345"
    desk.lift()
    assert len(desk.said(PlaceCall)) == 1


def test_holding_a_digit_that_begins_no_number_still_dials_its_speed_dial() -> None:
    desk = office("0xxx", "2xxx", preferences=Preferences(speed_dials=(("9", "2345"),)))
    desk.lift()
    desk.press("9")
    assert desk.view.hint is Hint.NUMBER_IMPOSSIBLE
    desk.hold_down("9")
    assert len(desk.said(PlaceCall)) == 1


def test_holding_a_digit_without_a_number_says_so_and_keeps_the_digit(desk: Desk) -> None:
    desk.lift()
    desk.press("1")
    desk.hold_down("1")
    assert desk.view.hint is Hint.NO_SPEED_DIAL
    desk.dial("12")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


def test_holding_a_digit_within_a_number_means_nothing() -> None:
    desk = office(preferences=Preferences(speed_dials=(("3", "2345"),)))
    desk.lift()
    desk.dial("23")
    desk.hold_down("3")
    assert desk.said(PlaceCall) == []


def test_the_voicemail_key_calls_the_voicemail() -> None:
    desk = office(voicemail_number="2500")
    desk.press(Key.VOICEMAIL)
    assert (said(desk.card.title), said(desk.card.keys.ok)) == ("Voicemail", "Call")
    desk.lift()
    desk.replace()
    desk.lift()
    desk.press(Key.VOICEMAIL)
    desk.replace()
    dial_off_hook(desk, "*97")
    desk.replace()
    desk.lift()
    desk.press("1")
    desk.hold_down("1")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2500@example.com"] * 4


def test_without_a_voicemail_number_the_key_says_so(desk: Desk) -> None:
    desk.press(Key.VOICEMAIL)
    assert [said(row.label) for row in desk.card.rows] == ["No voicemail on this line"]
    desk.lift()
    desk.press(Key.VOICEMAIL)
    assert desk.view.hint is Hint.NO_VOICEMAIL
    desk.press(Key.CANCEL)
    desk.dial("*97")
    assert desk.view.hint is Hint.NO_VOICEMAIL
    assert desk.said(PlaceCall) == []


def test_waiting_voicemail_stutters_in_the_dial_tone_and_blinks(desk: Desk) -> None:
    assert SetIndicator(IndicatorPattern.SLOW_BLINK) in desk.handle(VoicemailCounted(2))
    desk.handle(VoicemailCounted(1, account="office"))
    assert desk.view.voicemail == 3
    assert PlayTone(Tone.STUTTER_DIAL) in desk.lift()
    assert PlayTone(Tone.REORDER) in desk.expire(Timer.DIAL_TONE)
    desk.replace()
    desk.handle(VoicemailCounted(0, old=2), VoicemailCounted(0, account="office"))
    assert PlayTone(Tone.DIAL) in desk.lift()


# --- hotline ---


def test_an_immediate_hotline_is_called_by_lifting() -> None:
    desk = office(hotline=Hotline("2345", 0))
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2345@example.com"]
    assert desk.said(PlayTone) == []


def test_what_was_dialled_before_lifting_goes_before_the_hotline() -> None:
    desk = office(hotline=Hotline("2345", 0))
    desk.dial("112")
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


def test_cancelling_an_immediate_hotline_brings_dial_tone_to_dial_something_else() -> None:
    desk = office(hotline=Hotline("2345", 0))
    desk.lift()
    assert PlayTone(Tone.DIAL) in desk.press(Key.CANCEL)
    desk.dial("112")
    assert desk.said(PlaceCall)[-1].uri == "sip:112@example.com"


def test_a_delayed_hotline_leaves_time_to_dial_something_else() -> None:
    desk = office(hotline=Hotline("2345", 5))
    commands = desk.lift()
    assert StartTimer(Timer.HOTLINE, 5) in commands
    assert PlayTone(Tone.DIAL) in commands
    assert CancelTimer(Timer.HOTLINE) in desk.press("1")
    desk.dial("12")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


def test_a_delayed_hotline_is_called_when_nothing_is_dialled() -> None:
    desk = office(hotline=Hotline("2345", 5))
    desk.lift()
    desk.expire(Timer.HOTLINE)
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2345@example.com"]


# --- barred numbers ---


def test_a_barred_number_is_refused_with_a_record_and_never_called() -> None:
    desk = office(barred=("0900*",))
    dial_off_hook(desk, "0900123456#")
    assert desk.view.hint is Hint.NUMBER_BARRED
    assert PlayTone(Tone.REORDER) in desk.all_commands
    assert desk.said(PlaceCall) == []
    (record,) = desk.said(OpenCallRecord)
    assert (record.number, record.dialled) == ("0900123456", "")
    assert desk.said(CloseCallRecord) == [CloseCallRecord(record.call_id, DisconnectReason.BARRED, 0, Decision.BARRED)]


def test_a_barred_number_gets_through_neither_by_a_code_nor_by_redial() -> None:
    desk = office(barred=("0900*",), preferences=Preferences(speed_dials=(("3", "0900123"),)))
    desk.handle(LastDialledLoaded("*670900123456"))
    desk.lift()
    desk.press(Key.REDIAL)
    assert desk.view.hint is Hint.NUMBER_BARRED
    desk.press(Key.CANCEL, "3")
    desk.hold_down("3")
    assert desk.view.hint is Hint.NUMBER_BARRED
    assert desk.said(PlaceCall) == []


def test_barring_everything_leaves_emergency_calls() -> None:
    desk = dial_off_hook(office(barred=("*",)), "112")
    assert len(desk.said(PlaceCall)) == 1
