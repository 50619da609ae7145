"""Privacy: what the holder is told of it and has a say in."""

from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.notices import NOTICES, notices_page
from firmware.phone.menu.policy import PRIVACY_POLICY, policies_page
from firmware.phone.menu.sharing import WHO_GOT_WHAT, sharing_page
from firmware.phone.state import PhoneState
from firmware.phone.words import word


def privacy_page(_state: PhoneState) -> Choices:
    """Make the page with all that is about privacy."""
    return Choices(word("Privacy"), _rows)


def _rows(state: PhoneState) -> list[Choice]:
    documents = state.features.documents
    count = str(documents.unread_notices) if documents.unread_notices else ""
    return [
        Choice(PRIVACY_POLICY, opening(policies_page), word("new") if documents.unread_policy else ""),
        Choice(NOTICES, opening(notices_page), count),
        Choice(WHO_GOT_WHAT, opening(sharing_page)),
    ]
