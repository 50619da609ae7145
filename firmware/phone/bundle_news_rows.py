"""What the phone remembers of a bundle, whatever it is doing meanwhile: the rows of every mode; none leaves a mode."""

from collections.abc import Callable, Mapping
from typing import Any

from firmware.phone.bundle_news import (
    AnswerBundleAddress,
    AnswerBundleSigner,
    BundleAddressShown,
    BundleCodeWanted,
    BundleEnded,
    BundleQuestion,
    BundleSignerShown,
    BundleStep,
    BundleStepStarted,
    GiveUpBundleCode,
    StickRemoved,
    StickReported,
    TryBundleCode,
)
from firmware.phone.bundle_progress import has_succeeded
from firmware.phone.events import Event, Timer, TimerExpired
from firmware.phone.moves import show_notice
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint

ANSWER_PATIENCE_S = 300.0
"""Whoever has not answered by then is not there; nobody at the phone means no."""
DONE_S = 120.0
FAILED_S = 900.0
"""An installer who comes back to a phone finds what went wrong."""


def answer(
    state: PhoneState, request: AnswerBundleAddress | AnswerBundleSigner | TryBundleCode | GiveUpBundleCode
) -> None:
    """Hand on what somebody has answered; until more is heard of it there is nothing to do."""
    state.bundle.news = BundleStepStarted(BundleStep.ASKING)
    state.cancel_timer(Timer.BUNDLE_PATIENCE)
    state.emit(request)


def decline(state: PhoneState) -> None:
    """Answer whatever is asked with no."""
    match state.bundle.news:
        case BundleAddressShown():
            answer(state, AnswerBundleAddress(accepted=False))
        case BundleSignerShown():
            answer(state, AnswerBundleSigner(accepted=False))
        case BundleCodeWanted():
            answer(state, GiveUpBundleCode())


def lose_patience(state: PhoneState, _event: TimerExpired) -> None:
    """Ask nobody any longer who is not there, and show no longer how a bundle ended."""
    if isinstance(state.bundle.news, BundleEnded):
        state.bundle.news = None
    else:
        decline(state)


def _follow(state: PhoneState, event: BundleStepStarted) -> None:
    if not (event.by_stick or event.by_lan):
        return
    before = state.bundle.news
    if isinstance(before, BundleStepStarted) and before.step is event.step:
        # No news that a dark display has to light up for, or a page has to begin anew.
        state.bundle.news = event
        return
    if not isinstance(before, BundleStepStarted):
        state.bundle.put_away = False
    _note(state, event)
    state.cancel_timer(Timer.BUNDLE_PATIENCE)
    if event.step is BundleStep.WAITING_FOR_CALL and state.calls:
        show_notice(state, Hint.SET_UP_WAITS)


def _ask(state: PhoneState, event: BundleQuestion) -> None:
    state.bundle.put_away = False
    _note(state, event)
    state.start_timer(Timer.BUNDLE_PATIENCE, ANSWER_PATIENCE_S)


def _end(state: PhoneState, event: BundleEnded) -> None:
    state.bundle.last = event
    if not (event.by_stick or event.by_lan):
        return
    state.bundle.put_away = False
    _note(state, event)
    state.start_timer(Timer.BUNDLE_PATIENCE, DONE_S if has_succeeded(event) else FAILED_S)


def _note(state: PhoneState, event: BundleStepStarted | BundleQuestion | BundleEnded) -> None:
    if not state.bundle.is_going_on:
        # Of a bundle without a stick nothing is to be taken out.
        by_lan = isinstance(event, BundleStepStarted | BundleEnded) and event.by_lan
        state.bundle.stick = StickRemoved() if by_lan or isinstance(event, BundleAddressShown) else None
    state.bundle.news = event
    state.bundle.count += 1


def _note_report(state: PhoneState, event: StickReported) -> None:
    state.bundle.stick = event
    state.bundle.count += 1


def _forget_stick(state: PhoneState, event: StickRemoved) -> None:
    """Show no longer that a stick may be taken out that is; what went wrong is shown until somebody has seen it."""
    ended = state.bundle.news
    state.bundle.stick = event
    if isinstance(ended, BundleEnded) and has_succeeded(ended):
        state.bundle.news = None
        state.cancel_timer(Timer.BUNDLE_PATIENCE)


BUNDLE_NEWS: Mapping[type[Event], Callable[[PhoneState, Any], None]] = {
    BundleStepStarted: _follow,
    BundleAddressShown: _ask,
    BundleSignerShown: _ask,
    BundleCodeWanted: _ask,
    BundleEnded: _end,
    StickReported: _note_report,
    StickRemoved: _forget_stick,
}
