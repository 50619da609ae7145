"""Pages with a QR code: the operator's, to invite somebody and to top up, and the phone's own, to be helped."""

from collections.abc import Callable

from firmware.base.words import Text, Word, word
from firmware.phone.key import Key
from firmware.phone.menu.card import ONE_MOMENT
from firmware.phone.menu.choices import BACK
from firmware.phone.menu_stack import Quiet
from firmware.phone.menu_views import CodeView, NoticeView, SoftKeys
from firmware.phone.request import NO_MEMORY, Failed
from firmware.phone.requests.handset import MakeHelpCode
from firmware.phone.state import PhoneState

ACCOUNT_PLACE = "{account}"
"""Where the operator's link names the account; nothing else about the holder ever stands in it."""

HELP_CODE = word("Help code")

_SCHEME = "https://"
_GROUP = 4


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


class HelpCodePage(Quiet):
    """Twenty digits to read aloud, or to photograph, which say how the phone is; nothing is sent."""

    def __init__(self, _state: PhoneState) -> None:
        self._digits = ""
        self._as_picture = False
        self._why: Text = ONE_MOMENT

    def open(self, state: PhoneState) -> None:
        """Have the code made, once: each one is written down."""
        if not self._digits:
            request = MakeHelpCode(state.bundle.last, state.update.code)
            state.ask(request, self._show, page=self)

    def view(self, _state: PhoneState) -> CodeView | NoticeView:
        """Show it in groups as it is read, or as a picture: small displays have not room for both."""
        if not self._digits:
            return NoticeView(HELP_CODE, self._why, keys=SoftKeys(BACK))
        if self._as_picture:
            return CodeView(HELP_CODE, self._digits, keys=SoftKeys(BACK, word("Digits")))
        groups = [self._digits[start : start + _GROUP] for start in range(0, len(self._digits), _GROUP)]
        return NoticeView(HELP_CODE, " ".join(groups), keys=SoftKeys(BACK, word("QR code")), asks=True)

    def press(self, _state: PhoneState, key: Key) -> None:
        """Turn from digits to the picture and back."""
        if key is Key.OK:
            self._as_picture = not self._as_picture

    def _show(self, _state: PhoneState, answer: str | Failed) -> None:
        if isinstance(answer, Failed):
            self._why = answer.words
        else:
            self._digits = answer
