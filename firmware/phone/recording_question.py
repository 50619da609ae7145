"""The question whether calls may be recorded, asked in the first call in which somebody wants it.

The call goes on, and its keys do what they always do: the volume keys are the volume's, the handset ends the call, and
whoever waits comes first. Only CANCEL and OK answer. The words turn over by themselves, since no key is left for it.
Nothing is recorded before the store has written the yes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from contract.consent import Actor, Purpose
from firmware.base.words import Text, word
from firmware.phone.call import CallId, Decision
from firmware.phone.events import Timer, TimerExpired
from firmware.phone.menu_views import NoticeView, SoftKeys
from firmware.phone.moves import show_notice
from firmware.phone.request import Failed
from firmware.phone.requests.consents import ConsentRow, ConsentsRead, ReadConsents, SetConsent
from firmware.phone.state import Call, PhoneState
from firmware.phone.view import Hint, Mode

FIRST_TURN_S: Final = 1.0
"""So long OK means nothing yet: it may still be meant for what was on the display before."""
TURN_S: Final = 4.0
MOST_TURNS: Final = 20
"""Whoever has not answered by then does not want to: that is neither a yes nor a no."""

_TITLE: Final = word("Record calls?")
_GUARDIAN: Final = word("Your guardian says whether calls are recorded. You are both asked after this call.")


@dataclass(slots=True, eq=False)
class RecordingQuestion:
    """The question as it stands in a call, or waits for a guardian after it.

    Attributes:
        call_id: in which call.
        record: begins the recording once that is allowed.
        for_guardian: a guardian answers; the holder is only told so.
        words: what recording is and who gets something, empty until the store has said so.
        turns: how often the words have turned over.
        is_open: it is shown as long as the call is in the foreground.
        writing: a yes is being written.
    """

    call_id: CallId
    record: Callable[[PhoneState], None]
    for_guardian: bool
    words: Text = ""
    turns: int = 0
    is_open: bool = True
    writing: bool = False

    @property
    def may_be_answered(self) -> bool:
        """Whether somebody can have read what OK means."""
        return bool(self.words) and bool(self.turns) and not self.writing

    def view(self) -> NoticeView:
        """Show the words that the receipt will quote, and what the keys do."""
        if self.for_guardian:
            keys = SoftKeys(word("Back"), word("OK"))
        else:
            keys = SoftKeys(word("No"), word("Yes") if self.may_be_answered else "")
        text = self.words if not self.writing else ""
        return NoticeView(_TITLE, text or word("One moment…"), keys=keys, scroll=max(0, self.turns - 1), asks=True)


def may_be_asked(state: PhoneState, call: Call) -> bool:
    """Whether there is somebody to answer, who has not said no in this call."""
    return state.has_holder and state.is_activated and not call.recording_declined


def ask(state: PhoneState, call: Call, record: Callable[[PhoneState], None]) -> None:
    """Ask, unless that is being done; a call that nobody agrees for is not recorded, and its record says so."""
    asked = state.recording_question
    if asked is not None and asked.is_open and asked.call_id == call.call_id:
        return
    question = RecordingQuestion(call.call_id, record, state.has_guardian)
    if question.for_guardian:
        question.words = _GUARDIAN
    else:
        state.ask(ReadConsents(), lambda state, answer: _take_words(state, question, answer))
    state.recording_question = question
    state.notice = None
    state.sound_shown = False
    call.decision = call.decision or Decision.RECORDING_NOT_ALLOWED
    state.start_timer(Timer.RECORDING_QUESTION, FIRST_TURN_S)


def shown_question(state: PhoneState) -> NoticeView | None:
    """Return what the display shows of it, None where something else comes first."""
    question = _in_front(state)
    return question.view() if question is not None else None


def say_yes(state: PhoneState) -> bool:
    """Take OK for a yes where the question is in front; False where it is not."""
    question = _in_front(state)
    if question is None:
        return False
    if question.for_guardian:
        _close(state, question)
    elif question.may_be_answered:
        question.writing = True
        request = SetConsent(Purpose.RECORDING, granted=True, actor=Actor.HOLDER)
        state.ask(request, lambda state, answer: _take_written(state, question, answer))
    return True


def say_no(state: PhoneState) -> bool:
    """Take CANCEL for a no where the question is in front; False where it is not."""
    question = _in_front(state)
    if question is None:
        return False
    if question.for_guardian:
        _close(state, question)
    elif not question.writing:
        if state.call is not None:
            state.call.recording_declined = True
        state.ask(SetConsent(Purpose.RECORDING, granted=False, actor=Actor.HOLDER), _tell)
        _give_up(state, question)
    return True


def turn_over(state: PhoneState, _event: TimerExpired) -> None:
    """Show the next part of the words; give up where nobody answers."""
    question = state.recording_question
    if question is None or not question.is_open:
        return
    question.turns += 1
    if question.turns < MOST_TURNS or question.writing:
        state.start_timer(Timer.RECORDING_QUESTION, TURN_S)
    else:
        _close(state, question)


def keep_question(state: PhoneState, *, stands: bool) -> None:
    """Ask no more once the call is another one, or cannot be recorded for another reason."""
    question = state.recording_question
    if question is None or not question.is_open:
        return
    is_there = state.mode is Mode.IN_CALL and state.call is not None and state.call.call_id == question.call_id
    if not is_there or not (stands or question.writing):
        _close(state, question)
    elif Timer.RECORDING_QUESTION not in state.timers:
        state.start_timer(Timer.RECORDING_QUESTION, TURN_S)


def _in_front(state: PhoneState) -> RecordingQuestion | None:
    question = state.recording_question
    return question if question is not None and question.is_open and state.waiting is None else None


def _take_words(state: PhoneState, question: RecordingQuestion, answer: ConsentsRead | Failed) -> None:
    if state.recording_question is not question:
        return
    if isinstance(answer, Failed) or answer.damaged:
        _give_up(state, question)
    else:
        question.words = _words(next(row for row in answer.rows if row.purpose is Purpose.RECORDING))


def _take_written(state: PhoneState, question: RecordingQuestion, answer: ConsentsRead | Failed) -> None:
    """Begin to record once the yes is in the ledger; a call that is over, or another one, is not recorded by it."""
    _tell(state, answer)
    if state.recording_question is not question:
        return
    if state.allows(Purpose.RECORDING):
        _close(state, question)
        if state.call is not None and state.call.decision is Decision.RECORDING_NOT_ALLOWED:
            state.call.decision = None
        question.record(state)
    else:
        _give_up(state, question)


def _tell(state: PhoneState, answer: ConsentsRead | Failed) -> None:
    if not isinstance(answer, Failed):
        state.menu.tell(state, answer)


def _give_up(state: PhoneState, question: RecordingQuestion) -> None:
    _close(state, question)
    show_notice(state, Hint.RECORDING_FAILED)


def _close(state: PhoneState, question: RecordingQuestion) -> None:
    question.is_open = False
    state.cancel_timer(Timer.RECORDING_QUESTION)
    if not question.for_guardian:
        state.recording_question = None


def _words(row: ConsentRow) -> Text:
    return word("{covers} Shared with: {recipients}", covers=row.covers, recipients=row.recipients)
