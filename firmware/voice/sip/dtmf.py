"""Digits in calls, sent in the way that was negotiated. Lives on the `sip` thread."""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import pjsua2

from firmware.phone.call import CallId
from firmware.phone.key import Key
from firmware.voice.sip.call import SipCall
from firmware.voice.sip.scheduler import Scheduler
from provisioning.sip_choices import DtmfMethod

_log = logging.getLogger(__name__)

# Receivers lose digits that follow each other without a pause (ETSI ES 201 235-3 wants 65 ms of each at least).
_DIGIT_MS: Final = 100
_PAUSE_MS: Final = 70
# Right after an answer that names several codecs pjsua settles on one with a re-INVITE; a digit under way then is lost.
_SETTLE_S: Final = 0.4
# Codecs that carry two tones as they are; others are made for speech (RFC 4733 section 1.1).
_WAVEFORM_CODECS: Final = frozenset({"PCMU", "PCMA"})


class DigitSender:
    """Sends the digits of each call one after another."""

    def __init__(self, scheduler: Scheduler, find: Callable[[CallId], SipCall | None], rate_hz: int) -> None:
        """Set up without a digit.

        Args:
            scheduler: the thread's timers.
            find: returns a call that the library still has.
            rate_hz: of the conference bridge, for tones.
        """
        self._scheduler = scheduler
        self._find = find
        self._rate_hz = rate_hz
        self._waiting: dict[CallId, deque[Key]] = {}
        self._generators: dict[CallId, Any] = {}

    def send(self, call_id: CallId, key: Key) -> None:
        """Send one digit, after those before it."""
        if self._find(call_id) is None:
            return
        waiting = self._waiting.setdefault(call_id, deque())
        waiting.append(key)
        if len(waiting) == 1:
            self._send_next(call_id)

    def is_sending(self, call_id: CallId) -> bool:
        """Say whether digits are yet to be sent in a call."""
        return bool(self._waiting.get(call_id))

    def forget(self, call_id: CallId) -> None:
        """The call is over."""
        self._waiting.pop(call_id, None)
        # Its destructor takes it out of the bridge.
        self._generators.pop(call_id, None)

    def clear(self) -> None:
        """Let go of everything; the library is about to be destroyed."""
        self._waiting.clear()
        self._generators.clear()

    def _send_next(self, call_id: CallId) -> None:
        call, waiting = self._find(call_id), self._waiting.get(call_id)
        if call is None or not waiting:
            return
        unsettled_s = call.media_changed_at + _SETTLE_S - time.monotonic()
        if unsettled_s > 0:
            self._scheduler.after(unsettled_s, lambda: self._send_next(call_id))
            return
        try:
            self._send_in(call, waiting[0])
        except pjsua2.Error as error:
            _log.warning("A digit could not be sent: %s.", error.reason)
        self._scheduler.after((_DIGIT_MS + _PAUSE_MS) / 1000, lambda: self._sent(call_id))

    def _sent(self, call_id: CallId) -> None:
        waiting = self._waiting.get(call_id)
        if waiting:
            waiting.popleft()
            self._send_next(call_id)

    def _send_in(self, call: SipCall, key: Key) -> None:
        stream = call.getStreamInfo(call.audio_index)
        method = chosen_method(
            call.account_settings.dtmf, events_agreed=int(stream.audTxEventPt) >= 0, codec=str(stream.codecName)
        )
        if method is DtmfMethod.IN_BAND:
            self._play(call, key)
            return
        parameters = pjsua2.CallSendDtmfParam()
        parameters.method = (
            pjsua2.PJSUA_DTMF_METHOD_SIP_INFO if method is DtmfMethod.INFO else pjsua2.PJSUA_DTMF_METHOD_RFC2833
        )
        parameters.digits = key.value
        parameters.duration = _DIGIT_MS
        call.sendDtmf(parameters)

    def _play(self, call: SipCall, key: Key) -> None:
        generator = self._generators.get(call.call_id)
        if generator is None:
            generator = self._generators[call.call_id] = pjsua2.ToneGenerator()
            generator.createToneGenerator(self._rate_hz, 1)
        # Each offer and answer makes the call's sound anew; the earpiece is not connected and hears nothing of it.
        generator.startTransmit(call.getAudioMedia(call.audio_index))
        digit = pjsua2.ToneDigit()
        digit.digit = key.value
        digit.on_msec = _DIGIT_MS
        digit.off_msec = _PAUSE_MS
        digits = pjsua2.ToneDigitVector()
        digits.append(digit)
        generator.playDigits(digits)


def chosen_method(wanted: DtmfMethod, *, events_agreed: bool, codec: str) -> DtmfMethod:
    """Say how digits go out in a call.

    Args:
        wanted: by the configuration.
        events_agreed: offer and answer both have telephone-event (RFC 4733).
        codec: that was agreed on.
    """
    if wanted is not DtmfMethod.AUTO:
        return wanted
    if events_agreed:
        return DtmfMethod.RFC4733
    return DtmfMethod.IN_BAND if codec.upper() in _WAVEFORM_CODECS else DtmfMethod.INFO
