"""Privacy: what the holder is told of it and has a say in."""

from firmware.base.words import word
from firmware.phone.holder_settings import is_private
from firmware.phone.menu.card import Card, FactsCard
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.guardian import GUARDIANS_PIN, change_guardians_pin
from firmware.phone.menu.my_data import MY_DATA, my_data_page
from firmware.phone.menu.notices import NOTICES, notices_page
from firmware.phone.menu.policy import PRIVACY_POLICY, policies_page
from firmware.phone.menu.purposes import (
    PRIVATE_MODE,
    RECEIPTS,
    WHAT_I_AGREE_TO,
    private_mode_page,
    purposes_page,
    receipts_page,
)
from firmware.phone.menu.sharing import WHO_GOT_WHAT, sharing_page
from firmware.phone.menu.switches import on_or_off
from firmware.phone.menu_views import MenuRow
from firmware.phone.requests.handset import FactsKind
from firmware.phone.state import PhoneState

_WHAT_LEAVES = word("What leaves")
_CONTACT = word("Contact")


def privacy_page(_state: PhoneState) -> Choices:
    """Make the page with all that is about privacy."""
    return Choices(word("Privacy"), _rows)


def _rows(state: PhoneState) -> list[Choice]:
    """Say what there is; on a phone that is not set up, what there is to be known before it is."""
    documents = state.features.documents
    count = str(documents.unread_notices) if documents.unread_notices else ""
    lapsed = word("new") if state.features.lapsed_purposes else ""
    own = [
        Choice(WHAT_I_AGREE_TO, opening(purposes_page), lapsed),
        Choice(PRIVATE_MODE, opening(private_mode_page), on_or_off(is_private(state))),
    ]
    return [
        *(own if state.is_activated else ()),
        Choice(PRIVACY_POLICY, opening(policies_page), word("new") if documents.unread_policy else ""),
        Choice(NOTICES, opening(notices_page), count),
        Choice(WHO_GOT_WHAT, opening(sharing_page)),
        Choice(_WHAT_LEAVES, opening(lambda _state: FactsCard(_WHAT_LEAVES, FactsKind.EGRESS))),
        *([Choice(RECEIPTS, opening(receipts_page))] if state.is_activated else ()),
        Choice(_CONTACT, opening(_contact_page)),
        *([Choice(MY_DATA, opening(my_data_page))] if state.is_activated else ()),
        *([Choice(GUARDIANS_PIN, change_guardians_pin)] if state.has_guardian else ()),
    ]


def _contact_page(_state: PhoneState) -> Card:
    return Card(_CONTACT, _contact_rows)


def _contact_rows(state: PhoneState) -> list[MenuRow]:
    settings = state.settings
    known = [
        (word("Operator"), settings.operator_name),
        (word("Privacy officer"), settings.privacy_officer),
        (word("Reached by"), settings.privacy_contact),
    ]
    rows = [MenuRow(label, value) for label, value in known if value]
    if not settings.privacy_contact:
        rows.append(MenuRow(word("Your operator has named nobody. Ask whoever gave you this phone.")))
    return [*rows, MenuRow(word("Requests are answered within 5 working days."))]
