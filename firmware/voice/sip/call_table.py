"""The calls that the library has, from their first message until it has let go of them. Lives on the `sip` thread."""

import logging
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import pjsua2

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallState
from firmware.voice.sip import native
from firmware.voice.sip.account import SipAccount
from firmware.voice.sip.call import SipCall
from firmware.voice.sip.scheduler import Scheduler

if TYPE_CHECKING:
    from firmware.voice.sip.calls import Calls

_log = logging.getLogger(__name__)

# How long the other end may take over its part of hanging up before the phone goes on without it.
HANG_UP_S: Final = 2.0


class CallTable:
    """The one owner of the calls: makes their objects and drops them in time (see SipCall).

    Nobody else keeps a call, or a callable that holds one, longer than a callback or a request takes: they keep its id.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        owner: "Calls",
        when_changed: Callable[[bool], None],
        forget: Callable[[CallId], None],
        *,
        max_calls: int,
    ) -> None:
        """Set up without a call.

        Args:
            scheduler: the thread's timers.
            owner: is told about the calls.
            when_changed: is told whether there are calls, when that may have changed.
            forget: lets go of what belongs to a call, right before the call goes.
            max_calls: how many callers there may be.
        """
        self._scheduler = scheduler
        self._owner = owner
        self._when_changed = when_changed
        self._forget = forget
        self._max_calls = max_calls
        self._calls: dict[CallId, SipCall] = {}
        self._over: list[CallId] = []

    def __iter__(self) -> Iterator[CallId]:
        """Go through the ids of the calls there are now, whatever becomes of them meanwhile."""
        return iter(list(self._calls))

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def live_calls(self) -> int:
        """How many calls there are that the phone does not take for over."""
        return sum(not call.is_over for call in self._calls.values())

    @property
    def is_full(self) -> bool:
        """No call may be placed: callers have used up theirs, and one more runs already."""
        return self.live_calls > self._max_calls or self.live_calls >= native.most_calls()

    @property
    def is_full_for_callers(self) -> bool:
        """No caller may be taken.

        The library's last place is kept free, so that there is always a way to call for help; it does not count yet the
        call that it is about to tell of.
        """
        return self.live_calls >= self._max_calls or native.free_call_places() <= 1

    @property
    def has_room_to_place(self) -> bool:
        """The library has a place for one more call at this moment."""
        # It keeps a call's place until its farewell is answered, for half a minute at most.
        return native.free_call_places() > 0

    def begin(
        self,
        account: SipAccount,
        direction: CallDirection,
        *,
        call_id: CallId | None = None,
        pj_call_id: int | None = None,
        caller: Any = None,
    ) -> SipCall:
        """Make a call's object.

        Args:
            account: whose call it is.
            direction: who began it.
            call_id: names it, where it has a name already.
            pj_call_id: the library's number, of a call that came in.
            caller: the library's account to place it with, where that is another than the account itself.
        """
        self._drop_over()
        call = SipCall(self._owner, account, call_id or new_call_id(), direction, pj_call_id, caller=caller)
        self._calls[call.call_id] = call
        self._when_changed(True)
        return call

    def get(self, call_id: CallId) -> SipCall | None:
        """Return a call, None where there is none of this id."""
        return self._calls.get(call_id)

    def find(self, call_id: CallId) -> SipCall | None:
        """Return a call that the library knows by a number, None where it does not."""
        call = self._calls.get(call_id)
        return call if call is not None and call.is_known else None

    def within(self, call_id: CallId, action: Callable[[SipCall], None]) -> None:
        """Do something with a call that the library knows, and go on where that comes too late."""
        call = self.find(call_id)
        if call is None:
            return
        try:
            action(call)
        except pjsua2.Error as error:
            # The other end was faster (its CANCEL or BYE is being handled), or did not agree on what this needs.
            _log.warning("The SIP stack declined a request within a call: %s.", error.reason)

    def rename(self, call: SipCall) -> None:
        """Give a call a name that the phone never hears, so that another can go on under its own."""
        del self._calls[call.call_id]
        call.call_id = new_call_id()
        self._calls[call.call_id] = call

    def end(self, call: SipCall, reason: DisconnectReason) -> None:
        """Hang a call up; the phone hears of it when the other end has taken note, or should have."""
        call.ending = reason
        call.reply_came()
        call_id = call.call_id
        self._scheduler.after(HANG_UP_S, lambda: self._go_on_without(call_id))
        self.within(call_id, lambda ending: ending.hangup(pjsua2.CallOpParam()))

    def end_by_id(self, call_id: CallId, reason: DisconnectReason) -> None:
        """Hang a call up, if it still runs."""
        call = self._calls.get(call_id)
        if call is not None and not call.is_over:
            self.end(call, reason)

    def give_up(self, call: SipCall, reason: DisconnectReason) -> None:
        """Hang a call up whose other end is not there, and tell the phone at once."""
        self.end(call, reason)
        call.tell(CallState.DISCONNECTED, reason)

    def drop_soon(self, call_id: CallId) -> None:
        """Let go of a call that is over, once its own callback has returned."""
        call = self._calls.get(call_id)
        if call is not None:
            call.reply_came()
        self._over.append(call_id)
        self._scheduler.after(0, self._drop_over)

    def clear(self) -> None:
        """Let go of every call; the library is about to be destroyed."""
        for call in self._calls.values():
            call.tell(CallState.DISCONNECTED, call.ending or DisconnectReason.INTERRUPTED)
        self._calls.clear()
        self._when_changed(False)

    def _go_on_without(self, call_id: CallId) -> None:
        # The library keeps repeating BYE or CANCEL for up to 32 s; the person has hung up long ago.
        call = self._calls.get(call_id)
        if call is not None:
            call.tell(CallState.DISCONNECTED, call.ending)

    def _drop_over(self) -> None:
        """Let go of the calls that are over, before the library gives the number of one to another."""
        over, self._over = self._over, []
        for call_id in over:
            self._drop(call_id)

    def _drop(self, call_id: CallId) -> None:
        self._forget(call_id)
        self._calls.pop(call_id, None)
        self._when_changed(bool(self._calls))


def new_call_id() -> CallId:
    """Name a call that the phone has not named."""
    return CallId(uuid.uuid4().hex)
