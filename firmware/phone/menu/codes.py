"""Pages with a QR code of the operator's: to invite somebody, and to top up. Whoever photographs it does the rest."""

from collections.abc import Callable

from firmware.base.words import Word, word
from firmware.phone.key import Key
from firmware.phone.menu.choices import BACK
from firmware.phone.menu_stack import Quiet
from firmware.phone.menu_views import CodeView, NoticeView, SoftKeys
from firmware.phone.request import NO_MEMORY
from firmware.phone.state import PhoneState

ACCOUNT_PLACE = "{account}"
"""Where the operator's link names the account; nothing else about the holder ever stands in it."""

_SCHEME = "https://"


class CodePage(Quiet):
    """A link of the operator's as a QR code, with the link below it for those who type."""

    def __init__(self, title: Word, template: Callable[[PhoneState], str], missing: Word) -> None:
        """Make the page.

        Args:
            title: above the code.
            template: the operator's link, empty where there is none.
            missing: said where there is none.
        """
        self._title = title
        self._template = template
        self._missing = missing

    def view(self, state: PhoneState) -> CodeView | NoticeView:
        """Show the code, or why there is none."""
        template, account = self._template(state), state.features.account_id
        keys = SoftKeys(BACK)
        if not template:
            return NoticeView(self._title, self._missing, keys=keys)
        if not account:
            return NoticeView(self._title, NO_MEMORY, keys=keys)
        link = template.replace(ACCOUNT_PLACE, account)
        return CodeView(self._title, link, link.removeprefix(_SCHEME), keys)

    def press(self, state: PhoneState, key: Key) -> None:
        """Leave by OK too: there is nothing to do here but to look."""
        if key is Key.OK:
            state.menu.pop(state)


def invite_page(_state: PhoneState) -> CodePage:
    """Make the page that invites somebody to the operator."""
    return CodePage(
        word("Invite"),
        lambda state: state.settings.invite_link,
        word("Your operator has set up no invitations."),
    )


def top_up_page(_state: PhoneState) -> CodePage:
    """Make the page by which somebody pays for the account."""
    return CodePage(
        word("Top up"),
        lambda state: state.settings.top_up_link,
        word("Your operator has set up no way to top up."),
    )
