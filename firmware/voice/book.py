"""What a handset has to hear that was not there: how calls stand, and news that nobody has heard."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from contract.calls import CallDirection
from firmware.phone import news as n
from firmware.phone import orders as o
from firmware.phone.call import CallerId, CallId, CallState
from firmware.phone.news import CallNews
from firmware.phone.recording import RecordingSign
from firmware.voice.messages import ForgetCall, News, Order, RingerFault

# All that is told at once has to go into the socket, and what is found into one message, however long its words are.
_MOST_TEXTS: Final = 20
_MOST_ENDED: Final = 10
_A_DAY_S: Final = 86_400.0


@dataclass(slots=True)
class _Call:
    """One call as it stands, and when what happened to it; times are of the monotonic clock."""

    found: n.FoundCall
    began_s: float
    answered_s: float | None = None
    ended_s: float | None = None
    unheard: n.IncomingCallReceived | None = None
    signalled: n.RecordingSignalled | None = None

    @property
    def is_over(self) -> bool:
        return self.found.state is CallState.DISCONNECTED

    def told(self, now_s: float) -> n.FoundCall:
        """Return how it stands, with how long ago what happened to it."""
        return replace(
            self.found,
            began_ago_s=now_s - self.began_s,
            answered_ago_s=None if self.answered_s is None else now_s - self.answered_s,
            ended_ago_s=None if self.ended_s is None else now_s - self.ended_s,
        )


class Book:
    """Sees every order and all news, and says at a handset's beginning what stands. The caller holds a lock."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._calls: dict[CallId, _Call] = {}
        self._lasting: dict[tuple[type[News], object], News] = {}
        self._texts: list[n.MessageReceived] = []
        self._joined: tuple[CallId, ...] = ()
        self._muted = False
        self._speaker = False

    @property
    def has_calls(self) -> bool:
        """Whether any call goes on."""
        return any(not call.is_over for call in self._calls.values())

    def knows(self, call_id: CallId) -> bool:
        """Say whether a call is here, or was and is to be told of."""
        return call_id in self._calls

    def note_order(self, order: Order) -> None:
        """See what the handset wants."""
        match order:
            case o.PlaceCall(call_id, uri, account):
                party = CallerId(_user_of(uri))
                self._begin(n.FoundCall(call_id, CallDirection.OUTGOING, CallState.DIALING, party, account))
            case o.JoinCalls(call_ids):
                live = {call_id for call_id, call in self._calls.items() if not call.is_over}
                self._joined = tuple(call_id for call_id in call_ids if call_id in live)
            case o.SplitCalls():
                self._joined = ()
            case ForgetCall(call_id) if (call := self._calls.get(call_id)) is not None and call.is_over:
                del self._calls[call_id]
            case o.SetMute(muted):
                self._muted = muted
            case o.OpenAudio(_, speaker):
                self._speaker = speaker
            case o.AnswerCall(call_id) if (call := self._calls.get(call_id)) is not None:
                call.found = replace(call.found, accepted=True)
            case o.SignalRecording(call_id, sign) if (call := self._calls.get(call_id)) is not None:
                call.found = replace(call.found, recorded=sign is not RecordingSign.OFF)
            case _:
                pass

    def note(self, news: News, *, heard: bool) -> None:
        """See what is told, whether a handset hears it or not."""
        match news:
            case n.RegistrationChanged(account=subject) | n.VoicemailCounted(account=subject):
                self._lasting[type(news), subject] = news
            case n.WatchedPhoneChanged(subject) | n.PagingChanged(subject):
                self._lasting[type(news), subject] = news
            case n.ProblemRaised(problem):
                self._lasting[n.ProblemRaised, problem] = news
            case n.ProblemCleared(problem):
                self._lasting.pop((n.ProblemRaised, problem), None)
            case RingerFault():
                self._lasting[RingerFault, None] = news
            case n.MessageReceived() if not heard:
                self._texts = [*self._texts, news][-_MOST_TEXTS:]
            case n.IncomingCallReceived(call_id, caller, account):
                self._begin(n.FoundCall(call_id, CallDirection.INCOMING, CallState.INCOMING, caller, account))
                self._calls[call_id].unheard = None if heard else news
            case n.CallReplaced():
                self._replace(news)
            case _ if isinstance(news, CallNews):
                self._note_call(news)

    def _replace(self, news: n.CallReplaced) -> None:
        before = self._calls.get(news.call_id)
        account = before.found.account if before is not None else ""
        found = n.FoundCall(news.new_call_id, news.direction, CallState.DIALING, news.party, account, accepted=True)
        self._begin(found)

    def _begin(self, found: n.FoundCall) -> None:
        self._calls[found.call_id] = _Call(found, self._now_s())

    def _note_call(self, news: CallNews) -> None:
        if (call := self._calls.get(news.call_id)) is None:
            return
        match news:
            case n.CallStateChanged(_, state, reason, sip_code):
                call.found = replace(call.found, state=state, reason=reason, sip_code=sip_code)
                if state is CallState.ACTIVE and call.answered_s is None:
                    call.answered_s = self._now_s()
                if call.is_over:
                    call.ended_s = self._now_s()
                    self._joined = tuple(each for each in self._joined if each != news.call_id)
                    self._forget_old()
            case n.CallAudioChanged(_, receiving, sending):
                call.found = replace(call.found, receiving=receiving, sending=sending)
            case n.CallPartyChanged(_, party):
                call.found = replace(call.found, party=party)
            case n.RecordingSignalled():
                call.signalled = news
            case _:
                pass

    def _forget_old(self) -> None:
        """Keep the newest ends for a day; who writes one down has it forgotten before."""
        ended = [(call.ended_s, call_id) for call_id, call in self._calls.items() if call.ended_s is not None]
        for index, (ended_s, call_id) in enumerate(reversed(ended)):
            if index >= _MOST_ENDED or self._now_s() - ended_s > _A_DAY_S:
                del self._calls[call_id]

    def texts_heard(self) -> None:
        """Forget the texts that have been told."""
        self._texts = []

    def tell(self) -> Iterator[News]:
        """Give what a new handset has to hear, in order, after which it has heard it."""
        self._forget_old()
        now_s = self._now_s()
        known = tuple(call.told(now_s) for call in self._calls.values() if call.unheard is None)
        yield n.CallsFound(known, joined=self._joined, muted=self._muted, speaker=self._speaker)
        heard = [call for call in self._calls.values() if call.unheard is None and not call.is_over]
        yield from (call.signalled for call in heard if call.signalled is not None)
        yield from self._lasting.values()
        yield from self._texts
        for call in self._calls.values():
            if call.unheard is not None:
                yield call.unheard
                call.unheard = None
                if (found := call.found).state is not CallState.INCOMING:
                    yield n.CallStateChanged(found.call_id, found.state, found.reason, found.sip_code)


def _user_of(uri: str) -> str:
    return unquote(uri.partition(":")[2].partition("@")[0].partition(";")[0])
