"""The operator's notices: they wait until the holder has read them, and stay to be read again."""

from firmware.base.words import Text, word
from firmware.phone.menu.choices import Choice, Choices, Then, opening
from firmware.phone.menu.reading import Reading
from firmware.phone.request import Failed
from firmware.phone.requests.policies import AcknowledgeNotice, NoticeRow, ReadNotices
from firmware.phone.state import PhoneState

NOTICES = word("Notices")


class NoticePage(Reading):
    """One notice; OK at its end acknowledges it."""

    def __init__(self, notice: NoticeRow, acknowledge: Then) -> None:
        """`acknowledge` has it written down that the notice was read."""
        super().__init__(NOTICES, lambda: self._text, self._be_done)
        self._notice = notice
        self._acknowledge = acknowledge
        head: Text = word("{title}, {date}", title=notice.title, date=notice.date)
        self._text: tuple[Text, ...] = (head, *notice.paragraphs)

    def _be_done(self, state: PhoneState) -> None:
        if not self._notice.acknowledged:
            self._acknowledge(state)
        state.menu.drop(state, self)


class NoticeList(Choices):
    """Every notice that may be shown, newest first."""

    def __init__(self) -> None:
        self._notices: tuple[NoticeRow, ...] = ()
        super().__init__(NOTICES, lambda _state: list(map(self._choice, self._notices)), empty=word("No notices."))

    def open(self, state: PhoneState) -> None:
        """Read which there are."""
        state.ask(ReadNotices(), self._show, page=self)

    def _show(self, _state: PhoneState, notices: tuple[NoticeRow, ...] | Failed) -> None:
        if not isinstance(notices, Failed):
            self._notices = notices

    def _choice(self, notice: NoticeRow) -> Choice:
        def acknowledge(state: PhoneState) -> None:
            state.ask(AcknowledgeNotice(notice.notice_id), self._show, page=self)

        mark = "" if notice.acknowledged else word("new")
        return Choice(notice.title, opening(lambda _state: NoticePage(notice, acknowledge)), mark)


def notices_page(_state: PhoneState) -> NoticeList:
    """Make the page that lists the notices."""
    return NoticeList()
