"""The menu that everything begins with."""

from firmware.phone.menu.calling import offer_call
from firmware.phone.menu.calls import calls_page
from firmware.phone.menu.card import Card
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.contacts import contacts_page
from firmware.phone.menu.incoming import incoming_page
from firmware.phone.menu.messages import messages_page
from firmware.phone.menu.settings import language_row, settings_page
from firmware.phone.menu.status import status_page
from firmware.phone.menu.views import MenuRow
from firmware.phone.phrases import HINTS
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint
from firmware.phone.words import counted, word


def main_menu() -> Choices:
    """Make the page that the menu key opens."""
    return Choices(word("Menu"), _rows)


def _rows(state: PhoneState) -> list[Choice]:
    if not state.settings.provisioned:
        return [Choice(word("This phone"), opening(status_page)), language_row(state)]
    return [
        Choice(word("Contacts"), opening(contacts_page)),
        Choice(word("Calls"), opening(calls_page), _count(state.missed_calls)),
        Choice(word("Messages"), opening(messages_page), _count(state.features.unread_messages)),
        Choice(word("Voicemail"), opening(_voicemail_page), _count(state.features.voicemail_count)),
        Choice(word("Incoming calls"), opening(incoming_page)),
        Choice(word("Settings"), opening(settings_page)),
        Choice(word("This phone"), opening(status_page)),
    ]


def _count(count: int) -> str:
    return str(count) if count else ""


def _voicemail_page(state: PhoneState) -> Card:
    number = state.settings.voicemail_number
    if not number:
        return Card(word("Voicemail"), lambda _state: (MenuRow(HINTS[Hint.NO_VOICEMAIL]),))
    return Card(
        word("Voicemail"),
        _voicemail_rows,
        ok=word("Call"),
        choose=lambda state: offer_call(state, number),
        number=number,
    )


def _voicemail_rows(state: PhoneState) -> list[MenuRow]:
    count = state.features.voicemail_count
    return [
        MenuRow(counted("{count} new message", "{count} new messages", count)),
        MenuRow(word("Lift the handset to listen.")),
    ]
