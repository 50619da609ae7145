"""The call log: four lists, and for each call what is known of it and what can be done about it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from contract.calls import CallDirection
from firmware.base.words import Text, word
from firmware.phone.endings import see_missed_calls
from firmware.phone.holder_settings import block, unblock
from firmware.phone.kept_text import Utterance
from firmware.phone.key import Key
from firmware.phone.last_calls import failure
from firmware.phone.menu.calling import offer_call
from firmware.phone.menu.card import Card
from firmware.phone.menu.choices import BACK, Choice, Choices, opening
from firmware.phone.menu.contact_card import contact_page
from firmware.phone.menu.contact_editor import edit_contact_page
from firmware.phone.menu.let_through import ways_to_overrule
from firmware.phone.menu.long_list import LongList
from firmware.phone.menu.question import NOT_DONE, Notice, Question, carry_out
from firmware.phone.menu.recordings import RecordingPage, clock
from firmware.phone.menu.sound_rows import sound_rows
from firmware.phone.menu.switches import change, on_or_off
from firmware.phone.menu_stack import PageNews
from firmware.phone.menu_views import CALLED, CAME, MISSED, ListView, MenuRow, SoftKeys
from firmware.phone.phrases import DECISIONS, REASONS, UNKNOWN_CALLER, VERIFICATIONS
from firmware.phone.request import Failed
from firmware.phone.requests.calls import (
    CallKind,
    CallsDeleted,
    ClearCalls,
    DeleteCall,
    ListCalls,
    LoggedCall,
    ReadCallText,
)
from firmware.phone.requests.contacts import ContactDeleted, ContactSaved
from firmware.phone.requests.recordings import FindRecordings, RecordingRow, RecordingsChanged
from firmware.phone.state import PhoneState

CALL_BACK = word("Call back")
_KEEP_TEXT = word("Keep text")
_WHAT_IS_KEPT = word("Keep what both of you write in calls? The other one is told first.")
_TITLES = {
    CallKind.ALL: word("All calls"),
    CallKind.MISSED: word("Missed calls"),
    CallKind.RECEIVED: word("Received calls"),
    CallKind.DIALLED: word("Dialled calls"),
}


def calls_page(_state: PhoneState) -> Choices:
    """Make the page about calls of the past."""
    return Choices(word("Calls"), _lists)


def _lists(state: PhoneState) -> list[Choice]:
    counts = {CallKind.MISSED: str(state.missed_calls or "")}
    return [
        *(Choice(title, opening(_list_of(kind)), counts.get(kind, "")) for kind, title in _TITLES.items()),
        Choice(word("Delete all calls"), opening(_ask_to_clear)),
        Choice(_KEEP_TEXT, _switch_text, on_or_off(state.features.preferences.keeps_call_text)),
    ]


def _switch_text(state: PhoneState) -> None:
    if state.features.preferences.keeps_call_text:
        change(state, "keeps_call_text", False)
    else:
        state.menu.push(state, Question(_KEEP_TEXT, _WHAT_IS_KEPT, word("Yes"), _keep_text))


def _keep_text(state: PhoneState) -> None:
    change(state, "keeps_call_text", True)


def _list_of(kind: CallKind) -> Callable[[PhoneState], "CallList"]:
    return lambda _state: CallList(kind)


def _ask_to_clear(_state: PhoneState) -> Question:
    def clear(state: PhoneState) -> None:
        carry_out(state, ClearCalls(CallKind.ALL), _deleted)
        see_missed_calls(state)

    return Question(word("Delete all calls"), word("All calls are deleted. Sure?"), word("Delete"), clear)


class CallList(LongList[LoggedCall]):
    """The calls of one kind, newest first.

    OK shows all about a call, but calls back whose call was missed; `#` and the row's digit show all about that one.
    """

    def __init__(self, kind: CallKind) -> None:
        super().__init__(word("Missed (# more)") if kind is CallKind.MISSED else _TITLES[kind], word("No calls"))
        self._kind = kind

    def open(self, state: PhoneState) -> None:
        """Read the calls; who looks at those that were missed has seen them."""
        super().open(state)
        if self._kind is CallKind.MISSED:
            see_missed_calls(state)

    def request(self, first: int, limit: int) -> ListCalls:
        """Read calls of this kind."""
        return ListCalls(self._kind, first, limit)

    def hear(self, state: PhoneState, news: PageNews) -> None:
        """Read again what may have become shorter."""
        if isinstance(news, CallsDeleted):
            super().open(state)

    def row(self, item: LoggedCall) -> MenuRow:
        """Show who, when, and why it failed if it did; in the list of all calls also which way it went."""
        row = MenuRow(_party(item), detail=_end(item))
        return row if self._kind is not CallKind.ALL else replace(row, sign=_sign(item), said=_direction(item))

    def choose(self, state: PhoneState, item: LoggedCall) -> None:
        """Show all about it."""
        state.menu.push(state, CallPage(item))

    def view(self, state: PhoneState) -> ListView:
        """Say that OK calls back where it does."""
        view = super().view(state)
        return replace(view, keys=SoftKeys(BACK, CALL_BACK)) if self._ok_calls_back else view

    def press(self, state: PhoneState, key: Key) -> None:
        """Call back by REDIAL and, whose call was missed, by OK."""
        item = self.selected_item
        if item is not None and (key is Key.REDIAL or (key is Key.OK and self._ok_calls_back)):
            offer_call(state, item.number)
        elif item is not None and key is Key.HASH:
            self.choose(state, item)
        else:
            super().press(state, key)

    def number_to_call(self, state: PhoneState) -> str:  # noqa: ARG002 - part of Screen
        """Call back."""
        return self.selected_item.number if self.selected_item is not None else ""

    @property
    def _ok_calls_back(self) -> bool:
        item = self.selected_item
        return self._kind is CallKind.MISSED and item is not None and bool(item.number)


class CallPage(Choices):
    """What can be done about a call, and everything that is known of it."""

    def __init__(self, call: LoggedCall) -> None:
        super().__init__(_party(call), self._rows)
        self._call = call
        self._recordings: tuple[RecordingRow, ...] = ()
        self._text: tuple[Utterance, ...] = ()

    def open(self, state: PhoneState) -> None:
        """Ask whether it was recorded, and what is kept of its text."""
        if self._call.answered:
            state.ask(FindRecordings(self._call.call_id), self._know_recordings, page=self)
            state.ask(ReadCallText(self._call.call_id), self._know_text, page=self)

    def press(self, state: PhoneState, key: Key) -> None:
        """Call back by REDIAL."""
        if key is Key.REDIAL:
            self._call_back(state)
        else:
            super().press(state, key)

    def hear(self, state: PhoneState, news: PageNews) -> None:
        """Know whose number it is once it is kept, and nobody's once the contact is gone; know its recordings."""
        match news:
            case RecordingsChanged():
                self.open(state)
            case ContactSaved(contact) if any(number.number == self._call.number for number in contact.numbers):
                self._call = replace(self._call, contact_id=contact.contact_id, name=contact.name)
                self._title = _party(self._call)
            case ContactDeleted(self._call.contact_id):
                self._call = replace(self._call, contact_id=0)

    def number_to_call(self, state: PhoneState) -> str:  # noqa: ARG002 - part of Screen
        """Call back."""
        return self._call.number

    def _know_recordings(self, _state: PhoneState, found: tuple[RecordingRow, ...] | Failed) -> None:
        if not isinstance(found, Failed):
            self._recordings = found

    def _know_text(self, _state: PhoneState, found: tuple[Utterance, ...] | Failed) -> None:
        if not isinstance(found, Failed):
            self._text = found

    def _text_page(self, _state: PhoneState) -> Card:
        who = _party(self._call)
        rows = [
            MenuRow(
                word("You: {words}", words=each.text) if each.ours else word("{who}: {words}", who=who, words=each.text)
            )
            for each in self._text
        ]
        return Card(word("Text"), lambda _state: rows)

    def _rows(self, state: PhoneState) -> list[Choice]:
        delete = Choice(word("Delete"), opening(self._ask_to_delete))
        overrule = ways_to_overrule(self._call)
        more = [overrule] if overrule is not None else []
        kept = [
            Choice(word("Recording"), opening(partial(self._recording_page, recording)), clock(recording.duration_s))
            for recording in self._recordings
        ]
        if self._text:
            kept.append(Choice(word("Text"), opening(self._text_page)))
        if not self._call.number:
            return [*more, delete, *kept, *self._failure(), *self._facts()]
        blocked = self._call.number in state.features.preferences.blocked
        return [
            Choice(CALL_BACK, self._call_back, self._call.number),
            *self._failure(),
            self._contact(),
            Choice(word("Unblock") if blocked else word("Block"), self._unblock if blocked else self._block),
            *more,
            delete,
            *kept,
            *self._facts(),
        ]

    def _failure(self) -> list[Choice]:
        """Say first of all why a call came to nothing, or was cut off."""
        reason = failure(self._call.reason)
        return [Choice(REASONS[reason])] if reason is not None else []

    def _facts(self) -> list[Choice]:
        call = self._call
        facts = [Choice(_direction(call), value=call.at)]
        if call.attribution:
            facts.append(Choice(word("Where"), value=call.attribution))
        if call.answered:
            facts.append(Choice(word("Talked"), value=clock(call.duration_s)))
        if call.verification is not None:
            facts.append(Choice(VERIFICATIONS[call.verification]))
        if call.decision is not None:
            facts.append(Choice(DECISIONS[call.decision]))
        if call.reason is not None and not self._failure():
            facts.append(Choice(REASONS[call.reason]))
        if call.quality is not None:
            facts.extend(Choice(row.label, value=row.value) for row in sound_rows(call.quality))
        return facts

    def _call_back(self, state: PhoneState) -> None:
        offer_call(state, self._call.number)

    def _contact(self) -> Choice:
        """Offer whose number it is, or to keep it."""
        call = self._call
        if call.contact_id:
            return Choice(word("Open contact"), opening(lambda _: contact_page(call.contact_id)))
        return Choice(word("Save number"), opening(lambda _: edit_contact_page(number=call.number, name=call.name)))

    def _block(self, state: PhoneState) -> None:
        if not block(state, self._call.number):
            state.menu.push(state, Notice(NOT_DONE, word("This number cannot be blocked, or the list is full.")))

    def _unblock(self, state: PhoneState) -> None:
        unblock(state, self._call.number)

    def _ask_to_delete(self, _state: PhoneState) -> Question:
        return Question(_party(self._call), word("Delete this call?"), word("Delete"), self._delete)

    def _recording_page(self, recording: RecordingRow, _state: PhoneState) -> RecordingPage:
        return RecordingPage(recording, lambda: self._recordings)

    def _delete(self, state: PhoneState) -> None:
        carry_out(state, DeleteCall(self._call.call_id), _deleted)
        state.menu.drop(state, self)


def _deleted(_answer: None) -> CallsDeleted:
    return CallsDeleted()


def _party(call: LoggedCall) -> Text:
    return call.name or call.number or UNKNOWN_CALLER


def _end(call: LoggedCall) -> Text:
    reason = failure(call.reason)
    return word("{why}, {when}", why=REASONS[reason], when=call.at) if reason is not None else call.at


def _sign(call: LoggedCall) -> str:
    if call.direction is CallDirection.OUTGOING:
        return CALLED
    return CAME if call.answered else MISSED


def _direction(call: LoggedCall) -> Text:
    party = _party(call)
    if call.direction is CallDirection.OUTGOING:
        return word("Called {party}", party=party)
    return word("From {party}", party=party) if call.answered else word("Missed: {party}", party=party)
