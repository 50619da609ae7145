"""The operator's notices: they wait until the holder has read them, and stay to be read again."""

from firmware.base.words import Text, word
from firmware.phone.answers import Answer
from firmware.phone.menu.choices import Choice, Choices
from firmware.phone.menu.reading import Reading
from firmware.phone.policy_answers import NoticeRow, NoticesRead
from firmware.phone.policy_errands import AcknowledgeNotice, ReadNotices
from firmware.phone.state import PhoneState

NOTICES = word("Notices")


class NoticePage(Reading):
    """One notice; OK at its end acknowledges it."""

    def __init__(self, notice: NoticeRow) -> None:
        super().__init__(NOTICES, lambda: self._text, self._acknowledge)
        self._notice = notice
        head: Text = word("{title}, {date}", title=notice.title, date=notice.date)
        self._text: tuple[Text, ...] = (head, *notice.paragraphs)

    def _acknowledge(self, state: PhoneState) -> None:
        if not self._notice.acknowledged:
            state.emit(AcknowledgeNotice(self._notice.notice_id))
        state.menu.drop(state, self)


class NoticeList(Choices):
    """Every notice that may be shown, newest first."""

    def __init__(self) -> None:
        self._notices: tuple[NoticeRow, ...] = ()
        super().__init__(NOTICES, lambda _state: list(map(_choice, self._notices)), empty=word("No notices."))

    def open(self, state: PhoneState) -> None:
        """Read which there are."""
        state.emit(ReadNotices())

    def take(self, state: PhoneState, answer: Answer) -> None:
        """Show what was read."""
        super().take(state, answer)
        if isinstance(answer, NoticesRead):
            self._notices = answer.notices


def notices_page(_state: PhoneState) -> NoticeList:
    """Make the page that lists the notices."""
    return NoticeList()


def _choice(notice: NoticeRow) -> Choice:
    mark = "" if notice.acknowledged else word("new")
    return Choice(notice.title, lambda state: state.menu.push(state, NoticePage(notice)), mark)
