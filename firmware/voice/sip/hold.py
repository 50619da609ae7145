"""Holding calls and taking them back, whatever the other end makes of it. Lives on the `sip` thread."""

import logging
import random
from collections.abc import Callable
from typing import Final

import pjsua2

from contract.calls import CallDirection
from firmware.phone.call import CallId, CallState
from firmware.voice.sip.call import SipCall
from firmware.voice.sip.mixer import Mixer
from firmware.voice.sip.scheduler import Scheduler

_log = logging.getLogger(__name__)

_RETRY_S: Final = 0.1
_TRIES: Final = 30
_GLARES: Final = 4
_STEP_S: Final = 0.01


class HoldControl:
    """Sends the re-INVITEs that hold calls and take them back.

    The handset neither hears nor is heard from the moment of the wish, and stays so where the other end refuses.
    """

    def __init__(self, scheduler: Scheduler, find: Callable[[CallId], SipCall | None], mixer: Mixer) -> None:
        self._scheduler = scheduler
        self._find = find
        self._mixer = mixer

    def hold(self, call_id: CallId) -> None:
        """Ask the far end to stop sending."""
        call = self._find(call_id)
        if call is not None and call.answered and not call.wants_hold:
            call.wants_hold = True
            call.glares_left = _GLARES
            self._mixer.set_sound(call_id, None)
            # At once, so that each wish has its own answer: one that is taken back in time is never asked for.
            call.tell(CallState.HELD)
            self._apply(call_id, True, _TRIES)

    def resume(self, call_id: CallId) -> None:
        """Undo hold."""
        call = self._find(call_id)
        if call is None or not call.answered:
            return
        self._mixer.attend_to(call_id)
        if call.wants_hold:
            call.wants_hold = False
            call.glares_left = _GLARES
            self._apply(call_id, False, _TRIES)

    def describe_anew(self, call_id: CallId) -> None:
        """Send the far end another description of the session as it is: something else in it has changed."""
        call = self._find(call_id)
        if call is not None and call.answered:
            call.glares_left = _GLARES
            self._apply(call_id, call.wants_hold, _TRIES)

    def refused(self, call_id: CallId) -> None:
        """The other end takes no re-INVITE of ours: what was wished for counts at this end."""
        call = self._find(call_id)
        if call is None or call.is_over:
            return
        if call.wants_hold:
            call.tell(CallState.HELD)
        else:
            call.show_sound()
            call.tell(CallState.ACTIVE)

    def met(self, call_id: CallId) -> None:
        """A re-INVITE of ours met one of theirs (491): try again at a moment of one's own (RFC 3261 section 14.1)."""
        call = self._find(call_id)
        if call is None:
            return
        if not call.glares_left:
            self.refused(call_id)
            return
        call.glares_left -= 1
        wanted = call.wants_hold
        delay_s = glare_delay_s(owns_call_id=call.direction is CallDirection.OUTGOING)
        self._scheduler.after(delay_s, lambda: self._apply(call_id, wanted, _TRIES))

    def _apply(self, call_id: CallId, wanted: bool, tries: int) -> None:
        call = self._find(call_id)
        if call is None or call.is_over or call.wants_hold is not wanted:
            return
        parameters = call.our_offer()
        try:
            if wanted:
                call.setHold(parameters)
            else:
                parameters.opt.flag = pjsua2.PJSUA_CALL_UNHOLD
                call.reinvite(parameters)
        except pjsua2.Error as error:
            # Another re-INVITE is under way, ours or the peer's (RFC 3261 section 14.1).
            if tries:
                self._scheduler.after(_RETRY_S, lambda: self._apply(call_id, wanted, tries - 1))
            else:
                _log.warning("A call could not be held or taken back: %s.", error.reason)
                self.refused(call_id)


def glare_delay_s(*, owns_call_id: bool) -> float:
    """Return how long to wait after 491, in steps of 10 ms (RFC 3261 section 14.1)."""
    steps = random.randint(210, 400) if owns_call_id else random.randint(0, 200)  # noqa: S311 - no secret
    return steps * _STEP_S
