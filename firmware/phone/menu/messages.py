"""Messages: the way to voice messages, and the text messages to read, answer and delete."""

from dataclasses import replace

from contract.calls import CallDirection
from firmware.base.words import Text, word
from firmware.phone.call import CallerId, TextMessage
from firmware.phone.commands import DeleteMessage, MarkMessagesRead
from firmware.phone.events import Timer
from firmware.phone.features import Draft
from firmware.phone.key import Key
from firmware.phone.menu.calling import offer_call
from firmware.phone.menu.card import Card
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.entry import NumberEntry
from firmware.phone.menu.question import Notice, Question
from firmware.phone.menu.voicemail import voicemail_page
from firmware.phone.menu_views import CALLED, CAME, MenuRow
from firmware.phone.moves import enter, show_notice
from firmware.phone.phrases import HINTS, UNKNOWN_CALLER
from firmware.phone.state import PhoneState
from firmware.phone.text_entry import TextEntry, Writing
from firmware.phone.view import Hint, Mode

PATIENCE_S = 300.0
"""A message that nobody goes on with is put away after so long."""


class MessageList(Choices):
    """Every text message, newest first."""

    def __init__(self) -> None:
        super().__init__(word("Messages"), self._rows)
        self._new: set[str] = set()

    def open(self, state: PhoneState) -> None:
        """Take note that the person knows of all of them; what was new stays marked while the list is open."""
        self._new |= {message.message_id for message in state.features.messages if not message.read}
        _mark_read(state)

    def press(self, state: PhoneState, key: Key) -> None:
        """Show whom to call by REDIAL."""
        number = self.number_to_call(state)
        if key is Key.REDIAL and number:
            offer_call(state, number)
        else:
            super().press(state, key)

    def _rows(self, state: PhoneState) -> list[Choice]:
        messages = [self._row(message) for message in state.features.messages]
        return [
            Choice(word("Voicemail"), opening(voicemail_page), str(state.features.voicemail_count or "")),
            Choice(word("New message"), opening(_recipient_entry)),
            *messages,
        ]

    def _row(self, message: TextMessage) -> Choice:
        is_new = message.message_id in self._new or not message.read
        mark = word("new") if is_new else "" if message.delivered else word("not sent")
        return Choice(
            _party(message),
            lambda state: state.menu.push(state, MessagePage(message)),
            mark,
            message.party.number,
            CAME if message.direction is CallDirection.INCOMING else CALLED,
            _heading(message),
        )


def messages_page(_state: PhoneState) -> MessageList:
    """Make the page with the text messages."""
    return MessageList()


class MessagePage(Card):
    """One text message."""

    def __init__(self, message: TextMessage) -> None:
        number = message.party.number
        super().__init__(
            _heading(message),
            lambda _state: self._text(),
            ok=word("More"),
            choose=opening(lambda _state: Choices(_party(message), self._choices)),
            number=number,
        )
        self._message = message

    def open(self, state: PhoneState) -> None:
        """Take note that it is read, where it came in beside the list."""
        _mark_read(state)

    def press(self, state: PhoneState, key: Key) -> None:
        """Show whom to call by REDIAL."""
        if key is Key.REDIAL:
            offer_call(state, self._message.party.number)
        else:
            super().press(state, key)

    def _text(self) -> list[MenuRow]:
        not_sent = [] if self._message.delivered else [MenuRow(word("Message not sent"))]
        return [*not_sent, MenuRow(self._message.text)]

    def _choices(self, _state: PhoneState) -> list[Choice]:
        party = self._message.party
        return [
            Choice(word("Reply"), lambda state: _answer(state, party)),
            Choice(word("Call"), lambda state: offer_call(state, party.number), number=party.number),
            Choice(word("Delete"), opening(self._ask_to_delete)),
        ]

    def _ask_to_delete(self, _state: PhoneState) -> Question:
        return Question(_heading(self._message), word("Delete this message?"), word("Delete"), self._delete)

    def _delete(self, state: PhoneState) -> None:
        features, doomed = state.features, self._message.message_id
        features.messages = tuple(message for message in features.messages if message.message_id != doomed)
        state.emit(DeleteMessage(doomed))
        # The page of what can be done with it goes too.
        state.menu.back_to(self)
        state.menu.drop(state, self)


def _mark_read(state: PhoneState) -> None:
    if state.features.unread_messages:
        state.features.messages = tuple(replace(message, read=True) for message in state.features.messages)
        state.emit(MarkMessagesRead())


def _answer(state: PhoneState, party: CallerId) -> None:
    if (hint := refusal(state, party.number)) is None:
        write_to(state, party)
    else:
        state.menu.push(state, Notice(party.number or UNKNOWN_CALLER, HINTS[hint]))


def _recipient_entry(_state: PhoneState) -> NumberEntry:
    def accept(state: PhoneState, number: str) -> Text | None:
        if (hint := refusal(state, number)) is not None:
            return HINTS[hint]
        write_to(state, CallerId(number))
        return None

    return NumberEntry(word("New message"), accept, note=word("Number to write to"))


def _party(message: TextMessage) -> Text:
    return message.party.display_name or message.party.number or UNKNOWN_CALLER


def _heading(message: TextMessage) -> Text:
    incoming = message.direction is CallDirection.INCOMING
    return word("From {party}", party=_party(message)) if incoming else word("To {party}", party=_party(message))


def write_to(state: PhoneState, party: CallerId) -> None:
    """Begin a text message, or go on with the one to the same party that was left unfinished."""
    if (hint := refusal(state, party.number)) is not None:
        show_notice(state, hint)
        return
    draft = state.features.draft
    if draft is None or draft.party.number != party.number:
        entry = TextEntry.of_kind(
            Writing.SENTENCES, language=state.language, chinese=state.settings.chinese,
            preferences=state.features.preferences,
        )  # fmt: skip
        draft = Draft(party, entry)
    enter(state, Mode.WRITING)
    state.features.draft = draft
    state.digits = party.number
    state.start_timer(Timer.INFO, PATIENCE_S)


def refusal(state: PhoneState, number: str) -> Hint | None:
    """Say why a number cannot be written to; a call reaches emergency services, a text message may not."""
    plan = state.settings.dial_plan
    if not state.is_activated:
        return Hint.SET_UP_FIRST
    if address_of(number):
        return None
    if not plan.accepts(number):
        return Hint.NUMBER_IMPOSSIBLE
    return Hint.NUMBER_BARRED if plan.is_barred(number) or plan.reaches_emergency(number) else None


def address_of(number: str) -> str:
    """Return the address of one who is reached by a URI rather than by a number, empty for a number."""
    return number.removeprefix("sips:").removeprefix("sip:") if "@" in number else ""
