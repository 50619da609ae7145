"""Watches over answered calls: how they sound, and whether the other end is still there. Lives on the `sip` thread."""

from collections.abc import Callable
from typing import Final

import pjsua2

from firmware.phone.call import CallId, DisconnectReason
from firmware.phone.news import CallQualityMeasured, VoiceNews
from firmware.voice.sip.call_table import CallTable
from firmware.voice.sip.outgoing import NO_REPLY_S
from firmware.voice.sip.scheduler import Scheduler

QUALITY_S: Final = 5.0


class CallWatch:
    """Tells how calls sound, and ends those whose other end has gone without a farewell."""

    def __init__(
        self, scheduler: Scheduler, calls: CallTable, post: Callable[[VoiceNews], None], *, silence_s: float
    ) -> None:
        """Set up without a call.

        Args:
            scheduler: the thread's timers.
            calls: all there are.
            post: takes what the phone should know.
            silence_s: how long nothing may be heard in a call before the other end is asked whether it is there.
        """
        self._scheduler = scheduler
        self._calls = calls
        self._post = post
        self._silence_s = silence_s

    def call_answered(self, call_id: CallId) -> None:
        """Begin to watch over a call."""
        self._scheduler.after(self._silence_s, lambda: self._listen(call_id))
        self._scheduler.after(QUALITY_S, lambda: self._measure(call_id))

    def tell_quality(self, call_id: CallId) -> None:
        """Tell the phone how a call sounds, or has sounded."""
        call = self._calls.get(call_id)
        quality = call.measure() if call is not None else None
        if quality is not None:
            self._post(CallQualityMeasured(call_id, quality))

    def _measure(self, call_id: CallId) -> None:
        call = self._calls.get(call_id)
        if call is None or call.is_over:
            return
        self._scheduler.after(QUALITY_S, lambda: self._measure(call_id))
        self.tell_quality(call_id)

    def _listen(self, call_id: CallId) -> None:
        """Ask a peer that has fallen silent whether it is there: without audio a BYE may have been lost."""
        call = self._calls.get(call_id)
        if call is None or call.is_over:
            return
        self._scheduler.after(self._silence_s, lambda: self._listen(call_id))
        if call.awaits_reply or not call.has_fallen_silent():
            return
        request = pjsua2.CallSendRequestParam()
        request.method = "OPTIONS"
        call.await_reply(self._scheduler.after(NO_REPLY_S, lambda: self._give_up(call_id)))
        self._calls.within(call_id, lambda asked: asked.sendRequest(request))

    def _give_up(self, call_id: CallId) -> None:
        call = self._calls.get(call_id)
        if call is not None and not call.is_over:
            self._calls.give_up(call, DisconnectReason.NETWORK_LOST)
