"""What voice may say: a packet may have taken it over, so it is believed about its own calls only, and not too much.

What holds until it says otherwise is told where it is new, and not too often.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import Final

from contract.calls import CallDirection
from firmware.phone import news as n
from firmware.phone.call import CallId, CallState, RegistrationState, TextMessage
from firmware.phone.news import Problem, VoiceNews
from firmware.voice.messages import RingerFault

_log = logging.getLogger(__name__)

_OWN_PROBLEMS: Final = frozenset(
    {Problem.SOUND_MISSING, Problem.SOUND_CONFINED, Problem.SIP_UNAVAILABLE, Problem.SIP_LIBRARY_MISSING}
)
_A_MINUTE_S: Final = 60.0
_ENDING_CALLS: Final = 4
"""Calls that the phone has done with, or that take another one's place, and of whose ends voice has yet to tell."""

LastingNews = (
    n.RegistrationChanged
    | n.VoicemailCounted
    | n.WatchedPhoneChanged
    | n.PagingChanged
    | n.ProblemRaised
    | n.ProblemCleared
    | RingerFault
)

# Each change is shown, and some are logged; a voice that goes from one to another without an end tires nobody.
_AT_ONCE: Final = 20
_PERIOD_S: Final = 5.0


class Bucket:
    """So much at once, and so much a second."""

    def __init__(self, burst: float, per_s: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_s, self._now_s = burst, per_s, now_s
        self._left, self._filled_s = burst, now_s()

    def take(self) -> bool:
        """Take one; False where there is none."""
        now_s = self._now_s()
        self._left = min(self._burst, self._left + (now_s - self._filled_s) * self._per_s)
        self._filled_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class NewsGate:
    """Lets through to the phone what can be true.

    Attributes:
        calls: those that go on, each with what may still be said of it.
    """

    def __init__(
        self,
        accounts: Collection[str],
        now_s: Callable[[], float] = time.monotonic,
        *,
        max_calls: int = 4,
        watched: Collection[str] = (),
        paging: Collection[str] = (),
    ) -> None:
        """Expect no call yet.

        Args:
            accounts: the names of those that voice was told.
            now_s: seconds, monotonic.
            max_calls: how many calls it was told to have.
            watched: the numbers of the phones that it was told to watch.
            paging: the names of the groups that it was told to listen to.
        """
        self.calls: dict[CallId, Bucket] = {}
        self._most_calls = max_calls + _ENDING_CALLS
        self._accounts = frozenset(accounts)
        self._watched = frozenset(watched)
        self._paging = frozenset(paging)
        self._texts_sent: set[str] = set()
        self._named: set[str] = set()
        # Each is written down: a card would be full, or worn out, one day.
        self._written = Bucket(120, 0.5, now_s)
        self._quality = Bucket(60, 1.0, now_s)
        self._now_s = now_s
        self._complained_s = -_A_MINUTE_S

    def text_sent(self, message_id: str) -> None:
        """Expect to hear what becomes of a text."""
        self._texts_sent.add(message_id)
        self._named.add(message_id)

    def call_placed(self, call_id: CallId) -> None:
        """Expect to hear of a call."""
        self._add(call_id)

    def lose_calls(self) -> tuple[CallId, ...]:
        """Forget all calls, and return them."""
        lost = tuple(self.calls)
        self.calls.clear()
        return lost

    def lose_texts(self) -> tuple[str, ...]:
        """Expect to hear of no text any more, and return those that nothing was heard of."""
        lost = tuple(self._texts_sent)
        self._texts_sent.clear()
        return lost

    def passes(self, news: VoiceNews) -> bool:
        """Say whether the phone is to hear this; it is then believed."""
        if self._is_believed(news):
            return True
        if self._now_s() - self._complained_s >= _A_MINUTE_S:
            self._complained_s = self._now_s()
            _log.warning("Voice said what cannot be, or too much: %s. It was ignored.", type(news).__name__)
        return False

    def _is_believed(self, news: VoiceNews) -> bool:  # noqa: C901 - one flat table: a case for each type
        match news:
            case n.ProblemRaised(problem) | n.ProblemCleared(problem):
                return problem in _OWN_PROBLEMS
            case n.RegistrationChanged(account=account) | n.VoicemailCounted(account=account):
                return account in self._accounts
            case n.WatchedPhoneChanged(number):
                return number in self._watched
            case n.PagingChanged(group):
                return group in self._paging
            case n.MessageReceived(message):
                return self._comes_in(message)
            case n.MessageSent(message_id):
                sent = message_id in self._texts_sent
                self._texts_sent.discard(message_id)
                return sent
            case n.IncomingCallReceived(call_id, account=account):
                return account in self._accounts and self._begins(call_id)
            case n.CallReplaced(call_id, new_call_id):
                return call_id in self.calls and self._begins(new_call_id)
            case n.CallsFound():
                return self._finds(news)
            case n.CallQualityMeasured(call_id):
                return call_id in self.calls and self._quality.take()
            case n.CallStateChanged(call_id, CallState.DISCONNECTED):
                return self.calls.pop(call_id, None) is not None
            case _:
                return self._moves(news.call_id)

    def _comes_in(self, message: TextMessage) -> bool:
        """Take in a text as it is when it comes in, under a name of its own: it would change what was kept."""
        is_plain = message.direction is CallDirection.INCOMING and message.delivered
        if not is_plain or message.read or message.at or message.message_id in self._named or not self._written.take():
            return False
        self._named.add(message.message_id)
        return True

    def _begins(self, call_id: CallId) -> bool:
        """Take in a new call, which no other in this run may be named like: its record would be another's."""
        if call_id in self._named or len(self.calls) >= self._most_calls or not self._written.take():
            return False
        self._add(call_id)
        return True

    def _finds(self, found: n.CallsFound) -> bool:
        """Take in the calls that voice has at a beginning, each under a name of its own."""
        ids = {call.call_id for call in found.calls}
        live = [call for call in found.calls if call.state is not CallState.DISCONNECTED]
        if len(ids) < len(found.calls) or ids & self._named or not ids.issuperset(found.joined):
            return False
        if len(self.calls) + len(live) > self._most_calls:
            return False
        self._named |= ids
        for call in live:
            self._add(call.call_id)
        return True

    def _add(self, call_id: CallId) -> None:
        self._named.add(call_id)
        # Whoever floods one call with news spoils no other.
        self.calls[call_id] = Bucket(100, 5, self._now_s)

    def _moves(self, call_id: CallId) -> bool:
        return call_id in self.calls and self.calls[call_id].take()


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
                case n.WatchedPhoneChanged(number):
                    self._tell(n.WatchedPhoneChanged(number, n.Watched.UNKNOWN))
                case n.PagingChanged(group):
                    self._tell(n.PagingChanged(group, speaks=False))
                case n.ProblemRaised(problem):
                    self._tell(n.ProblemCleared(problem))
                case RingerFault():
                    self._tell(RingerFault(""))
                case n.ProblemCleared():
                    pass


def _subject_of(news: LastingNews) -> object:
    match news:
        case n.RegistrationChanged(account=subject) | n.VoicemailCounted(account=subject):
            return type(news), subject
        case n.WatchedPhoneChanged(subject) | n.PagingChanged(subject):
            return type(news), subject
        case n.ProblemRaised(problem) | n.ProblemCleared(problem):
            return problem
        case RingerFault():
            return RingerFault
