"""Work that takes a while: how far it has come, then what became of it."""

from dataclasses import replace

from firmware.base.words import Text, word
from firmware.phone.answers import Answer, ErrandFailed, JobFinished, JobProgressed
from firmware.phone.errands import Errand, FolderJob, RunFolderJob
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.menu.choices import BACK, CHOOSE
from firmware.phone.menu.question import Sentence
from firmware.phone.menu.views import NoticeView, SoftKeys
from firmware.phone.moves import MENU_PATIENCE_S
from firmware.phone.state import PhoneState
from firmware.phone.view import Mode


class WorkPage(Sentence):
    """Begins work, once, and follows it. It goes on when the page is left.

    Attributes:
        patience_s: so long the page stays after the work has come on, and after its end.
    """

    patience_s = MENU_PATIENCE_S

    def __init__(self, title: Text, errand: Errand) -> None:
        super().__init__(title, word("Working…"), SoftKeys(BACK))
        self._errand = errand
        self._percent: int | None = 0
        self._asked = False

    def _news(self, answer: Answer) -> int | Text | None:
        """Return how far the work has come, in per cent, or what became of it; None where this is not about it."""
        raise NotImplementedError

    def open(self, state: PhoneState) -> None:
        """Begin, once."""
        if not self._asked:
            self._asked = True
            state.emit(self._errand)

    def view(self, state: PhoneState) -> NoticeView:
        """Show how far it has come, or what became of it."""
        return replace(super().view(state), percent=self._percent)

    def press(self, state: PhoneState, key: Key) -> None:
        """Leave by OK once it is over."""
        if key is Key.OK and self._percent is None:
            state.menu.drop(state, self)
        else:
            super().press(state, key)

    def take(self, state: PhoneState, answer: Answer) -> None:
        """Follow the work; as long as it comes on, and until its end may have been read, the page stays."""
        match self._news(answer):
            case int(percent):
                if self._percent is None:
                    return
                self._percent = percent
            case None:
                return
            case words:
                self._text = words
                self._keys = SoftKeys(BACK, CHOOSE)
                self._percent = None
        if state.mode is Mode.MENU:
            state.start_timer(Timer.INFO, self.patience_s)


class JobPage(WorkPage):
    """Work on files."""

    def __init__(self, job: FolderJob, title: Text) -> None:
        super().__init__(title, RunFolderJob(job))
        self._job = job

    def _news(self, answer: Answer) -> int | Text | None:
        match answer:
            case JobProgressed(self._job, percent):
                return percent
            case JobFinished(self._job, _, words) | ErrandFailed(RunFolderJob.__name__, words):
                return words
        return None
