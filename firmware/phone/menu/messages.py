"""Messages: the way to voice messages, and the text messages to read, answer and delete."""

from dataclasses import replace

from contract.calls import CallDirection
from firmware.base.words import Text, word
from firmware.phone.call import CallerId, TextMessage
from firmware.phone.commands import DeleteMessage, MarkMessagesRead
from firmware.phone.key import Key
from firmware.phone.menu.calling import offer_call
from firmware.phone.menu.card import Card
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.entry import NumberEntry
from firmware.phone.menu.question import Notice, Question
from firmware.phone.menu.views import MenuRow
from firmware.phone.menu.voicemail import voicemail_page
from firmware.phone.modes.writing import refusal, write_to
from firmware.phone.phrases import HINTS, UNKNOWN_CALLER
from firmware.phone.state import PhoneState


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
            _heading(message),
            lambda state: state.menu.push(state, MessagePage(message)),
            mark,
            message.party.number,
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
