"""The pages of the answering machine: its settings, and its messages with the way to those at the server."""

from dataclasses import replace
from typing import Final

from contract.consent import Purpose
from firmware.base.words import word
from firmware.phone.answering_machine import take_count
from firmware.phone.menu.calling import offer_call
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.purposes import agreeing
from firmware.phone.menu.question import Question
from firmware.phone.menu.recordings import Player, RecordingList, RecordingPage
from firmware.phone.menu.switches import Options, change, on_or_off
from firmware.phone.menu_views import MenuRow
from firmware.phone.recording import RecordingId
from firmware.phone.request import Failed, Stretch
from firmware.phone.requests.recordings import ListRecordings, RecordingRow, RecordingsListed
from firmware.phone.state import PhoneState

TAKE_MESSAGES: Final = word("Take messages")
_WHAT_IT_DOES: Final = word("Record what callers say when nobody answers? They are told first.")
_AFTER: Final = tuple((seconds, word("{s} s", s=seconds)) for seconds in (10, 15, 20, 30, 45))
_LONGEST: Final = tuple((60 * minutes, word("{min} min", min=minutes)) for minutes in (1, 2, 3, 5))
_AT_SERVER: Final = RecordingRow(RecordingId(""), "", "", "", 0, 0, complete=True, kept=False)
"""The last row of the messages, which calls the voicemail."""


def machine_is_on(state: PhoneState) -> bool:
    """Whether it answers calls: it is switched on, and the holder agrees to recordings."""
    return state.features.preferences.answering_machine and state.allows(Purpose.RECORDING)


def machine_page(_state: PhoneState) -> Choices:
    """Make the page with its settings; whoever switches it on is first asked about recordings."""
    return Choices(TAKE_MESSAGES, _rows)


def _rows(state: PhoneState) -> list[Choice]:
    preferences = state.features.preferences
    return [
        Choice(TAKE_MESSAGES, _switch, on_or_off(machine_is_on(state))),
        Choice(word("After"), opening(_after_page), dict(_AFTER).get(preferences.answer_after_s, "")),
        Choice(word("At most"), opening(_longest_page), dict(_LONGEST).get(preferences.longest_message_s, "")),
    ]


def _switch(state: PhoneState) -> None:
    if machine_is_on(state):
        change(state, "answering_machine", False)
    else:
        agreeing(Purpose.RECORDING, _ask)(state)


def _ask(state: PhoneState) -> None:
    state.menu.push(state, Question(TAKE_MESSAGES, _WHAT_IT_DOES, word("Yes"), _switch_on))


def _switch_on(state: PhoneState) -> None:
    change(state, "answering_machine", True)


def _after_page(state: PhoneState) -> Options:
    return Options(state, word("After"), "answer_after_s", _AFTER)


def _longest_page(state: PhoneState) -> Options:
    return Options(state, word("At most"), "longest_message_s", _LONGEST)


class VoiceMessages(RecordingList):
    """The messages that the answering machine took, newest first; below them the voicemail, where there is one."""

    def __init__(self, state: PhoneState) -> None:
        super().__init__(word("Voicemail"), word("No messages"))
        self._number = state.settings.voicemail_number

    @property
    def listens(self) -> bool:  # type: ignore[override]
        """Keep the list open for whoever lifts the handset to listen, unless lifting it calls the voicemail."""
        return self.selected_item is not _AT_SERVER

    def request(self, first: int, limit: int) -> ListRecordings:
        """Read messages."""
        return ListRecordings(first, limit, messages=True)

    def show(self, state: PhoneState, answer: Stretch[RecordingRow] | Failed) -> None:
        """Show messages, and count them."""
        take_count(state, answer)
        if isinstance(answer, RecordingsListed) and self._number:
            is_end = answer.first + len(answer.items) >= answer.total
            items = (*answer.items, _AT_SERVER) if is_end else answer.items
            answer = replace(answer, total=answer.total + 1, items=items)
        super().show(state, answer)

    def row(self, item: RecordingRow) -> MenuRow:
        """Show who and when, and whether somebody has heard it."""
        if item is _AT_SERVER:
            return MenuRow(word("Call voicemail"))
        return replace(super().row(item), value=word("new") if item.is_new else "")

    def choose(self, state: PhoneState, item: RecordingRow) -> None:
        """Play a message, with what else can be done about it below; or call the voicemail."""
        if item is not _AT_SERVER:
            state.menu.push(state, RecordingPage(item, lambda: self._items))
            state.menu.push(state, Player(item))
        else:
            offer_call(state, self._number)

    def number_to_call(self, _state: PhoneState) -> str:
        """Call the voicemail where that is selected."""
        return self._number if self.selected_item is _AT_SERVER else ""


def has_messages_here(state: PhoneState) -> bool:
    """Whether voice messages are to be looked for on this phone."""
    return machine_is_on(state) or state.features.messages_here > 0
