"""The page about voice messages."""

from firmware.base.words import counted, word
from firmware.phone.menu.answering_machine import VoiceMessages, has_messages_here
from firmware.phone.menu.calling import offer_call
from firmware.phone.menu.card import Card
from firmware.phone.menu_views import MenuRow
from firmware.phone.phrases import HINTS
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint


def voicemail_page(state: PhoneState) -> Card | VoiceMessages:
    """Make the page from which voice messages are listened to."""
    if has_messages_here(state):
        return VoiceMessages(state)
    number = state.settings.voicemail_number
    if not number:
        return Card(word("Voicemail"), lambda _state: (MenuRow(HINTS[Hint.NO_VOICEMAIL]),))

    def call(state: PhoneState) -> None:
        offer_call(state, number)

    return Card(word("Voicemail"), _rows, ok=word("Call"), choose=call, number=number)


def _rows(state: PhoneState) -> list[MenuRow]:
    count = state.features.voicemail_count
    return [
        MenuRow(counted("{count} new message", "{count} new messages", count)),
        MenuRow(word("Lift the handset to listen.")),
    ]
