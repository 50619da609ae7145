"""What voice says of itself, which holds until it says otherwise: told where it is new, and not too often."""

import asyncio
from collections.abc import Callable
from typing import Final

from firmware.phone import news as n
from firmware.phone.call import RegistrationState
from firmware.voice.messages import RingerFault
from firmware.voice.news_gate import Bucket

LastingNews = n.RegistrationChanged | n.VoicemailCounted | n.ProblemRaised | n.ProblemCleared | RingerFault

# Each change is shown, and some are logged; a voice that goes from one to another without an end tires nobody.
_AT_ONCE: Final = 20
_PERIOD_S: Final = 5.0


class Lasting:
    """Tells each change of what lasts; where there are too many, the latest of it after a while."""

    def __init__(self, tell: Callable[[LastingNews], None]) -> None:
        """`tell` hears what is new."""
        self._tell = tell
        self._told: dict[object, LastingNews] = {}
        self._late: dict[object, LastingNews] = {}
        self._changes: dict[object, Bucket] = {}

    def note(self, news: LastingNews) -> None:
        """Hear news, in the running loop."""
        subject = _subject_of(news)
        if subject in self._late:
            self._late[subject] = news
        elif news == self._told.get(subject):
            return
        elif self._changes.setdefault(subject, Bucket(_AT_ONCE, 1 / _PERIOD_S)).take():
            self._told[subject] = news
            self._tell(news)
        else:
            self._late[subject] = news
            asyncio.get_running_loop().call_later(_PERIOD_S, self._tell_late, subject)

    def _tell_late(self, subject: object) -> None:
        if (news := self._late.pop(subject, None)) is not None:
            self._told[subject] = news
            self._tell(news)

    def forget(self) -> None:
        """Take back what was said by a voice that has gone: the next one says how it is."""
        told, self._told = self._told, {}
        self._late.clear()
        # What another one says is no fault of the next; how often one comes is bounded elsewhere.
        self._changes.clear()
        for news in told.values():
            match news:
                case n.RegistrationChanged(account=account):
                    self._tell(n.RegistrationChanged(RegistrationState.UNREGISTERED, account=account))
                case n.VoicemailCounted(account=account):
                    self._tell(n.VoicemailCounted(0, account=account))
                case n.ProblemRaised(problem):
                    self._tell(n.ProblemCleared(problem))
                case RingerFault():
                    self._tell(RingerFault(""))
                case n.ProblemCleared():
                    pass


def _subject_of(news: LastingNews) -> object:
    match news:
        case n.RegistrationChanged(account=account) | n.VoicemailCounted(account=account):
            return type(news), account
        case n.ProblemRaised(problem) | n.ProblemCleared(problem):
            return problem
        case RingerFault():
            return RingerFault
