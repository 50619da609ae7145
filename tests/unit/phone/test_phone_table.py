"""Every pair of mode and event has a row, and every key in every mode is safe to press."""

from collections.abc import Callable
from itertools import product
from typing import get_args

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallState, RegistrationState
from firmware.phone.commands import ReportImpossibleEvent
from firmware.phone.events import (
    CallerNamed,
    Event,
    HandsetLifted,
    HandsetReplaced,
    KeyHeld,
    KeyPressed,
    KeyReleased,
    KeyRepeated,
    LastDialledLoaded,
    MissedCallsCounted,
    Timer,
    TimerExpired,
)
from firmware.phone.key import Key
from firmware.phone.news import Problem, ProblemCleared, ProblemRaised, RegistrationChanged
from firmware.phone.orders import HangUpCall
from firmware.phone.phone import TABLE
from firmware.phone.view import Mode
from tests.unit.phone.desk import INCOMING, Desk, settings, without_page
from tests.unit.phone.machine import taking_message
from tests.unit.phone.recorded import listen_to_a_recording


def _idle() -> Desk:
    return Desk()


def _unprovisioned() -> Desk:
    return Desk(settings(provisioned=False, line_usable=False))


def _collecting() -> Desk:
    desk = Desk()
    desk.lift()
    return desk


def _outgoing() -> Desk:
    desk = Desk()
    desk.place_call()
    return desk


def _ringing() -> Desk:
    desk = Desk()
    desk.ring()
    return desk


def _in_call() -> Desk:
    desk = Desk()
    desk.answered_incoming_call()
    return desk


def _call_ended() -> Desk:
    desk = _in_call()
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)
    return desk


def _redialling() -> Desk:
    desk = Desk()
    call_id = desk.place_call()
    desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.BUSY, 486)
    desk.press(Key.REDIAL)
    desk.replace()
    desk.expire(Timer.AUTO_REDIAL)
    return desk


def _writing() -> Desk:
    desk = Desk()
    desk.dial("2345", Key.MENU)
    return desk


def _menu() -> Desk:
    desk = Desk()
    desk.press(Key.MENU)
    return desk


def _listening() -> Desk:
    desk = Desk()
    listen_to_a_recording(desk)
    return desk


DESKS: dict[Mode, Callable[[], Desk]] = {
    Mode.UNPROVISIONED: _unprovisioned,
    Mode.IDLE: _idle,
    Mode.COLLECTING_DIGITS: _collecting,
    Mode.OUTGOING: _outgoing,
    Mode.RINGING: _ringing,
    Mode.IN_CALL: _in_call,
    Mode.CALL_ENDED: _call_ended,
    Mode.REDIALLING: _redialling,
    Mode.WRITING: _writing,
    Mode.MENU: _menu,
    Mode.LISTENING: _listening,
    Mode.TAKING_MESSAGE: taking_message,
}

BACKGROUND_EVENTS: list[Event] = [
    RegistrationChanged(RegistrationState.FAILED),
    ProblemRaised(Problem.STORE_UNREADABLE, "The store cannot be read."),
    ProblemCleared(Problem.STORE_UNREADABLE),
    LastDialledLoaded("123"),
    MissedCallsCounted(3),
    CallerNamed(CallId("unknown"), "Nobody"),
]


def test_every_pair_of_mode_and_event_has_a_row() -> None:
    assert set(TABLE) == {(mode, event_type) for mode in Mode for event_type in get_args(Event)}


def test_the_test_desks_are_in_the_modes_that_they_are_named_for(subtests: pytest.Subtests) -> None:
    for mode in Mode:
        with subtests.test(mode=mode):
            assert DESKS[mode]().view.mode is mode


def test_no_key_is_impossible_in_any_mode(subtests: pytest.Subtests) -> None:
    for (mode, make), key in product(DESKS.items(), Key):
        events: list[Event] = [KeyPressed(key), KeyRepeated(key), KeyHeld(key), KeyReleased(key)]
        for event in events:
            with subtests.test(mode=mode, event=event):
                assert not any(isinstance(command, ReportImpossibleEvent) for command in make().handle(event))


def test_background_news_never_changes_the_mode(subtests: pytest.Subtests) -> None:
    for mode, make in DESKS.items():
        for event in BACKGROUND_EVENTS:
            with subtests.test(mode=mode, event=event):
                desk = make()
                desk.handle(event)
                assert desk.view.mode is mode


@pytest.mark.parametrize(
    ("mode", "event"),
    [
        (Mode.IDLE, HandsetReplaced()),
        (Mode.UNPROVISIONED, HandsetReplaced()),
        (Mode.COLLECTING_DIGITS, HandsetLifted()),
        (Mode.OUTGOING, HandsetLifted()),
        (Mode.RINGING, HandsetReplaced()),
        (Mode.IN_CALL, HandsetLifted()),
        (Mode.CALL_ENDED, HandsetLifted()),
    ],
)
def test_a_handset_that_moves_twice_the_same_way_is_reported_and_changes_nothing(mode: Mode, event: Event) -> None:
    desk = DESKS[mode]()
    before = desk.view
    assert desk.handle(event) == [ReportImpossibleEvent(mode.value, type(event).__name__)]
    assert desk.view == before


def test_the_end_of_an_unknown_call_means_nothing(subtests: pytest.Subtests) -> None:
    for mode in Mode:
        with subtests.test(mode=mode):
            desk = DESKS[mode]()
            assert desk.sip(CallState.DISCONNECTED, CallId("unknown"), DisconnectReason.REMOTE_HANGUP) == []


def test_a_call_that_the_phone_does_not_know_is_ended(subtests: pytest.Subtests) -> None:
    for mode in Mode:
        with subtests.test(mode=mode):
            desk = DESKS[mode]()
            commands = desk.sip(CallState.ACTIVE, CallId("unknown"))
            assert commands == [HangUpCall(CallId("unknown")), ReportImpossibleEvent(mode.value, "CallStateChanged")]
            assert desk.view.mode is mode


def test_a_timer_that_nobody_started_means_nothing(subtests: pytest.Subtests) -> None:
    for mode in Mode:
        with subtests.test(mode=mode):
            for timer in Timer:
                desk = DESKS[mode]()
                if timer not in desk.phone._state.timers:
                    assert desk.handle(TimerExpired(timer)) == [], timer


@pytest.mark.parametrize("state", [CallState.INCOMING, CallState.WAITING, CallState.HELD])
def test_a_dialled_call_cannot_come_in(state: CallState) -> None:
    desk = DESKS[Mode.OUTGOING]()
    call_id = desk.records()[-1].call_id
    assert without_page(desk.sip(state, call_id)) == [ReportImpossibleEvent("outgoing", "CallStateChanged")]


def test_a_call_that_becomes_active_while_it_rings_is_ended_and_never_heard() -> None:
    desk = DESKS[Mode.RINGING]()
    commands = desk.sip(CallState.ACTIVE, INCOMING)
    assert ReportImpossibleEvent("ringing", "CallStateChanged") in commands
    assert HangUpCall(INCOMING) in commands
    assert desk.view.mode is Mode.IDLE
    assert not desk.view.microphone_open


def test_an_incoming_call_keeps_its_direction_in_every_view() -> None:
    assert all(
        desk.view.call is not None and desk.view.call.direction is CallDirection.INCOMING
        for desk in (DESKS[Mode.RINGING](), DESKS[Mode.IN_CALL](), DESKS[Mode.CALL_ENDED]())
    )
