"""New."""

from dataclasses import replace
from itertools import pairwise

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.app.user_interface import changes
from firmware.base.words import word
from firmware.phone.call import CallerId, CallState, RegistrationState
from firmware.phone.menu.views import ListView
from firmware.phone.view import CallView, Mode, PhoneView

IDLE = PhoneView(Mode.IDLE, registration=RegistrationState.REGISTERED)
OUTGOING = CallView(CallState.DIALING, CallDirection.OUTGOING, CallerId("1001"))
INCOMING = CallView(CallState.INCOMING, CallDirection.INCOMING, CallerId("1002", "Bob"), contact_name="Uncle Bob")


def story(*views: PhoneView) -> list[str]:
    return [line for before, now in pairwise(views) for line in changes(before, now)]


def test_a_call_is_told_from_the_handset_to_its_end() -> None:
    lifted = replace(IDLE, mode=Mode.COLLECTING_DIGITS, off_hook=True)
    out = replace(lifted, mode=Mode.OUTGOING, call=OUTGOING)
    talking = replace(out, mode=Mode.IN_CALL, call=replace(OUTGOING, state=CallState.ACTIVE), microphone_open=True)
    over = replace(
        talking,
        mode=Mode.CALL_ENDED,
        call=replace(OUTGOING, state=CallState.DISCONNECTED, duration_s=12, reason=DisconnectReason.REMOTE_HANGUP),
        microphone_open=False,
    )
    assert story(IDLE, lifted, out, talking, over) == [
        "The handset was lifted.", "Mode: collecting digits.",
        "Calling 1001.", "Mode: outgoing.",
        "1001 answered.", "The microphone is open.", "Mode: in call.",
        "The call with 1001 ended after 12 s: remote hangup.", "The microphone is shut.", "Mode: call ended.",
    ]  # fmt: skip


def test_who_calls_is_named_as_the_holder_knows_them() -> None:
    ringing = replace(IDLE, mode=Mode.RINGING, call=INCOMING)
    answered = replace(ringing, mode=Mode.IN_CALL, call=replace(INCOMING, state=CallState.ACTIVE))
    assert story(IDLE, ringing, answered) == [
        "Uncle Bob calls.", "Mode: ringing.", "Answered Uncle Bob.", "Mode: in call."
    ]  # fmt: skip


def test_a_call_that_waits_is_told_once_and_not_again_when_it_comes_to_the_fore() -> None:
    talking = replace(IDLE, mode=Mode.IN_CALL, call=replace(OUTGOING, state=CallState.ACTIVE))
    waiting = replace(INCOMING, state=CallState.WAITING)
    second = replace(talking, other_calls=(waiting,))
    assert story(talking, second, replace(second, muted=True)) == [
        "Uncle Bob calls, and waits.", "The microphone is muted."
    ]  # fmt: skip


def test_a_page_is_told_by_its_title_and_not_again_while_it_changes() -> None:
    menu = replace(IDLE, mode=Mode.MENU, menu=ListView(word("Menu"), ()))
    assert story(IDLE, menu, replace(menu, menu=ListView(word("Menu"), (), selected=1))) == [
        "Mode: menu.",
        "Page: Menu.",
    ]


@pytest.mark.parametrize("view", [IDLE, replace(IDLE, call=OUTGOING)])
def test_where_nothing_has_changed_nothing_is_told(view: PhoneView) -> None:
    assert changes(view, view) == ()


def test_the_beginning_is_told_too() -> None:
    assert changes(None, IDLE) == ("The handset lies in its cradle.", "Line: registered.")
