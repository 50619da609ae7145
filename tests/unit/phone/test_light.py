"""What helps eyes, ears and hands: light, a ring that is seen, keys that are heard and menus that speak."""

from dataclasses import replace

import pytest

from contract.calls import CallDirection, DisconnectReason
from contract.results import BundleResult
from firmware.phone.bundle_news import BundleEnded, BundleStep, BundleStepStarted
from firmware.phone.call import CallerId, CallState, TextMessage
from firmware.phone.commands import Click, Command, IndicatorPattern, SetBrightness, ShowPage, StartTimer, StopSpeaking
from firmware.phone.events import Event, KeyHeld, KeyRepeated, MinuteStarted, PreferencesLoaded, Timer
from firmware.phone.key import Key
from firmware.phone.light import DIM_PERCENT, FLASH_S, LEAST_LIT_PERCENT
from firmware.phone.news import MessageReceived, Problem, ProblemRaised, VoicemailCounted
from firmware.phone.orders import OpenAudio, StartRinging
from firmware.phone.preferences import Preferences
from firmware.phone.view import Mode
from tests.unit.phone.desk import INCOMING, Desk, settings

LIT_PERCENT = 80
MESSAGE = MessageReceived(TextMessage("m1", CallDirection.INCOMING, CallerId("2345"), "Back at noon"))


def desk_with(**preferences: object) -> Desk:
    return Desk(settings(display_off_s=600, preferences=Preferences(**preferences)))  # type: ignore[arg-type]


def brightness(desk: Desk) -> int:
    return desk.said(SetBrightness)[-1].percent


def dark_desk(**preferences: object) -> Desk:
    desk = desk_with(**preferences)
    desk.expire(Timer.LIGHT)
    desk.expire(Timer.LIGHT)
    assert brightness(desk) == 0
    return desk


def kinds(commands: list[Command]) -> list[type[Command]]:
    return [type(command) for command in commands]


# --- light ---


def test_a_display_that_nobody_touches_is_dimmed_and_later_switched_off() -> None:
    desk = desk_with()
    assert brightness(desk) == LIT_PERCENT
    assert desk.expire(Timer.LIGHT) == [StartTimer(Timer.LIGHT, 600), SetBrightness(DIM_PERCENT)]
    assert desk.expire(Timer.LIGHT) == [SetBrightness(0)]


def test_a_display_is_switched_off_only_where_that_is_configured() -> None:
    desk = Desk(settings(preferences=Preferences()))
    assert desk.expire(Timer.LIGHT) == [SetBrightness(DIM_PERCENT)]
    assert Timer.LIGHT not in desk.phone._state.timers


def test_a_display_that_may_stay_lit_counts_nothing() -> None:
    desk = desk_with(screen_off_s=0)
    desk.press("5")
    assert StartTimer(Timer.LIGHT, 0) not in desk.all_commands
    assert Timer.LIGHT not in desk.phone._state.timers


def test_each_key_begins_the_time_anew() -> None:
    desk = desk_with(screen_off_s=30)
    for event in (KeyHeld(Key.HASH), KeyRepeated(Key.VOLUME_UP)):
        assert StartTimer(Timer.LIGHT, 30) in desk.handle(event)


def test_the_key_that_lights_a_dark_display_does_what_it_does() -> None:
    desk = dark_desk()
    commands = desk.press("5")
    assert desk.view.digits == "5"
    assert kinds(commands)[-2:] == [SetBrightness, ShowPage]
    assert brightness(desk) == LIT_PERCENT


def test_a_call_lights_a_dark_display_with_the_event_that_it_comes_in_with() -> None:
    desk = dark_desk()
    commands = desk.ring()
    assert SetBrightness(LIT_PERCENT) in commands
    assert any(isinstance(command, StartRinging) for command in commands)
    assert Timer.LIGHT not in desk.phone._state.timers


def test_a_display_stays_lit_through_a_call_and_for_a_while_after_it() -> None:
    desk = desk_with()
    desk.answered_incoming_call()
    assert Timer.LIGHT not in desk.phone._state.timers
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)
    assert StartTimer(Timer.LIGHT, 60) in desk.replace()
    assert brightness(desk) == LIT_PERCENT


def test_a_handset_that_is_left_off_does_not_keep_the_display_lit() -> None:
    desk = desk_with()
    desk.lift()
    desk.expire(Timer.DIAL_TONE)
    desk.expire(Timer.DIAL_TONE)
    desk.expire(Timer.LIGHT)
    assert brightness(desk) == DIM_PERCENT
    desk.ring()
    assert brightness(desk) == LIT_PERCENT


def test_the_display_stays_lit_while_somebody_waits_for_a_stick_and_for_a_while_after_it() -> None:
    desk = desk_with()
    desk.handle(BundleStepStarted(BundleStep.NETWORK))
    assert Timer.LIGHT not in desk.phone._state.timers
    assert StartTimer(Timer.LIGHT, 60) in desk.handle(BundleEnded(BundleResult.APPLIED, number=7))
    assert brightness(desk) == LIT_PERCENT


def test_a_step_of_a_stick_that_is_told_again_lights_no_display_on_which_it_was_put_away() -> None:
    desk = desk_with()
    desk.handle(BundleStepStarted(BundleStep.NETWORK))
    desk.press("cancel")
    desk.expire(Timer.LIGHT)
    desk.handle(BundleStepStarted(BundleStep.NETWORK))
    assert brightness(desk) == DIM_PERCENT


def test_a_call_that_is_turned_away_leaves_the_room_dark() -> None:
    desk = dark_desk(do_not_disturb=True)
    desk.ring()
    assert brightness(desk) == 0


@pytest.mark.parametrize(
    "news",
    [MESSAGE, VoicemailCounted(1), ProblemRaised(Problem.SOUND_MISSING, "The sound card is gone.")],
    ids=lambda news: type(news).__name__,
)
def test_news_lights_the_display_once(news: Event) -> None:
    desk = dark_desk()
    desk.handle(news)
    assert brightness(desk) == LIT_PERCENT
    desk.expire(Timer.LIGHT)
    desk.handle(news)
    assert brightness(desk) == DIM_PERCENT


def test_the_time_of_day_and_a_blocked_sender_light_nothing() -> None:
    desk = dark_desk(blocked=("2345",))
    desk.handle(MinuteStarted(0, 0, trusted=True), MESSAGE)
    assert brightness(desk) == 0


@pytest.mark.parametrize("percent", [0, 5, 55])
def test_nobody_can_make_the_display_too_dark_to_see_a_call(percent: int) -> None:
    desk = desk_with(brightness_percent=percent)
    desk.ring()
    assert brightness(desk) == max(percent, LEAST_LIT_PERCENT)


def test_what_the_holder_has_set_counts_as_soon_as_the_store_tells() -> None:
    desk = desk_with()
    commands = desk.handle(PreferencesLoaded(Preferences(brightness_percent=30, screen_off_s=0)))
    assert SetBrightness(30) in commands
    assert Timer.LIGHT not in desk.phone._state.timers


def test_the_look_follows_the_preferences() -> None:
    desk = desk_with(language="zh", large_text=True, high_contrast=True, background="sea")
    look = desk.view.look
    assert (look.language, look.large_text, look.high_contrast, look.background) == ("zh", True, True, "sea")
    desk.handle(PreferencesLoaded(Preferences(language="en")))
    assert desk.view.look.language == "en"


# --- a ring that is seen ---


def test_a_visual_ring_flashes_the_display_as_bright_as_it_can_be_and_the_indicator() -> None:
    desk = desk_with(visual_ring=True, brightness_percent=20)
    commands = desk.ring()
    assert SetBrightness(100) in commands
    assert desk.view.flash is True
    assert desk.phone._state.indicator is IndicatorPattern.FAST_BLINK
    shown = [desk.view.flash]
    for _ in range(3):
        assert StartTimer(Timer.FLASH, FLASH_S) in desk.expire(Timer.FLASH)
        shown.append(desk.view.flash)
    assert shown == [True, False, True, False]


def test_it_never_flashes_more_than_three_times_a_second() -> None:
    assert 1 / (2 * FLASH_S) <= 3


@pytest.mark.parametrize("end", ["mute", "lift", "cancel", "gone"])
def test_the_flashing_ends_with_the_ringing(end: str) -> None:
    desk = desk_with(visual_ring=True)
    desk.ring()
    match end:
        case "mute" | "cancel":
            desk.press(Key(end))
        case "lift":
            desk.lift()
        case _:
            desk.sip(CallState.DISCONNECTED, INCOMING)
    assert desk.view.flash is None
    assert Timer.FLASH not in desk.phone._state.timers
    assert brightness(desk) == LIT_PERCENT


def test_a_message_flashes_for_a_moment_and_then_blinks() -> None:
    desk = desk_with(visual_ring=True)
    desk.handle(MESSAGE)
    assert desk.view.flash is True
    desk.expire(Timer.NOTICE)
    assert desk.shown().flash is None
    assert desk.phone._state.indicator is IndicatorPattern.SLOW_BLINK


def test_without_the_preference_nothing_flashes() -> None:
    desk = desk_with()
    desk.ring()
    assert desk.view.flash is None
    assert Timer.FLASH not in desk.phone._state.timers


# --- keys that are heard ---


def test_a_key_clicks_where_the_phone_rings_and_with_the_handset_up_in_the_ear() -> None:
    desk = desk_with(key_clicks=True)
    assert Click(in_ear=False) in desk.press("5")
    desk.press(Key.CANCEL)
    desk.lift()
    assert Click(in_ear=True) in desk.press("5")


def test_a_key_that_picks_up_clicks_in_the_ear_that_it_has_just_opened() -> None:
    desk = Desk(settings(has_loudspeaker=True, preferences=Preferences(key_clicks=True)))
    commands = kinds(desk.press(Key.SPEAKER))
    assert commands.index(OpenAudio) < commands.index(Click)


def test_no_key_clicks_into_an_open_microphone_or_over_the_ringing() -> None:
    desk = desk_with(key_clicks=True)
    desk.ring()
    desk.press(Key.VOLUME_UP)
    desk.lift()
    desk.sip(CallState.ACTIVE, INCOMING)
    desk.dial("123")
    assert desk.said(Click) == []


def test_a_held_key_clicks_once_and_a_quiet_phone_never() -> None:
    desk = desk_with(key_clicks=True)
    desk.press(Key.MENU)
    desk.handle(KeyHeld(Key.MENU), KeyRepeated(Key.VOLUME_DOWN))
    assert len(desk.said(Click)) == 1
    quiet = desk_with()
    quiet.dial("123")
    assert quiet.said(Click) == []


# --- what is spoken ---


def test_menus_and_what_is_dialled_are_spoken_and_the_clock_is_not() -> None:
    desk = desk_with(spoken_menus=True)
    assert not desk.view.spoken
    desk.press("5")
    assert desk.shown().spoken
    desk.press(Key.CANCEL, Key.MENU)
    assert desk.view.mode is Mode.MENU
    assert desk.shown().spoken


def test_a_call_silences_what_is_spoken_before_it_rings() -> None:
    desk = desk_with(spoken_menus=True)
    desk.press(Key.MENU)
    commands = kinds(desk.ring())
    assert commands.index(StopSpeaking) < commands.index(StartRinging)
    assert not desk.view.spoken
    desk.lift()
    desk.sip(CallState.ACTIVE, INCOMING)
    assert not desk.view.spoken


def test_lifting_the_handset_silences_what_was_said_aloud() -> None:
    desk = desk_with(spoken_menus=True)
    desk.press("5")
    desk.expire(Timer.INTER_DIGIT)
    desk.press(Key.MENU)
    assert desk.view.spoken
    assert desk.lift()[0] == StopSpeaking()


def test_what_comes_by_itself_is_never_said_aloud() -> None:
    desk = desk_with(spoken_menus=True)
    desk.handle(MESSAGE, ProblemRaised(Problem.STORE_FULL, "The disk is full."))
    desk.handle(replace(MESSAGE, message=replace(MESSAGE.message, message_id="m2")))
    assert not desk.view.spoken
