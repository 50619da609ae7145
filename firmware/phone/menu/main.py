"""The menu that everything begins with."""

from firmware.base.words import word
from firmware.phone.menu.calls import calls_page
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.codes import invite_page, top_up_page
from firmware.phone.menu.contact_editor import ContactEditor, edit_contact_page
from firmware.phone.menu.contacts import contacts_page
from firmware.phone.menu.first_run import reached_step
from firmware.phone.menu.incoming import incoming_page
from firmware.phone.menu.messages import messages_page
from firmware.phone.menu.privacy import privacy_page
from firmware.phone.menu.recordings import RECORDINGS, recordings_page
from firmware.phone.menu.settings import language_row, settings_page
from firmware.phone.menu.status import status_page
from firmware.phone.state import PhoneState


def main_menu() -> Choices:
    """Make the page that the menu key opens."""
    return Choices(word("Menu"), _rows)


def _rows(state: PhoneState) -> list[Choice]:
    """Say what there is; what an operator may lack comes last, so that the digits of all the rest never change."""
    if not state.settings.provisioned:
        return [Choice(word("This phone"), opening(status_page)), language_row(state)]
    if not state.is_activated:
        return [
            Choice(word("Set up"), opening(reached_step)),
            Choice(word("This phone"), opening(status_page)),
            Choice(word("Privacy"), opening(privacy_page)),
            language_row(state),
        ]
    features = state.features
    rows = [
        Choice(word("Contacts"), opening(contacts_page)),
        Choice(word("New contact"), opening(_new_contact)),
        Choice(word("Calls"), opening(calls_page), _count(state.missed_calls)),
        Choice(word("Messages"), opening(messages_page), _count(features.unread_messages + features.voicemail_count)),
        Choice(word("Incoming calls"), opening(incoming_page)),
        Choice(word("Settings"), opening(settings_page)),
        Choice(word("This phone"), opening(status_page)),
        Choice(word("Privacy"), opening(privacy_page)),
        Choice(RECORDINGS, opening(recordings_page)),
    ]
    if state.settings.invite_link:
        rows.append(Choice(word("Invite"), opening(invite_page)))
    if state.settings.top_up_link:
        rows.append(Choice(word("Top up"), opening(top_up_page)))
    return rows


def _new_contact(_state: PhoneState) -> ContactEditor:
    return edit_contact_page()


def _count(count: int) -> str:
    return str(count) if count else ""
