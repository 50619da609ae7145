"""Every call of this handset, by its id. Lives on the `sip` thread."""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

import pjsua2

from firmware.phone.call import CallDirection, CallId, CallState, DisconnectReason, RejectReason, SipUri
from firmware.phone.events import CallAudioChanged, CallStateChanged, Event, IncomingCallReceived, Key
from firmware.sip.agenda import Agenda, Appointment
from firmware.sip.call import SipCall
from firmware.sip.handle_budget import LINGER_S
from firmware.sip.mapping import REJECT_CODES, caller_id

_log = logging.getLogger(__name__)

# INVITE is repeated after 0.5, 1.5 and 3.5 s (RFC 3261 section 17.1.1.2); a server that has not even said 100 Trying
# after three repeats will not, and the library would wait for 32 s.
NO_REPLY_S: Final = 6.0
# How long the other end may take over its part of hanging up before the phone goes on without it.
HANG_UP_S: Final = 2.0
# Receivers lose digits that follow each other without a pause (ETSI ES 201 235-3 wants 65 ms of each at least).
_DIGIT_MS: Final = 100
_DIGIT_PAUSE_MS: Final = 70
# Right after an answer that names several codecs pjsua settles on one with a re-INVITE; a digit under way then is lost.
_SETTLE_S: Final = 0.4
_POSTPONE_S: Final = 0.05
_HOLD_RETRY_S: Final = 0.1
_HOLD_TRIES: Final = 30
_RINGING: Final = 180
_OK: Final = 200


class CallTable:
    """Places, takes and ends calls, and tells the phone what becomes of them: implements `call.CallOwner`."""

    def __init__(
        self,
        agenda: Agenda,
        post: Callable[[Event], None],
        connect_audio: Callable[[Any], None],
        when_changed: Callable[[bool], None],
        *,
        silence_s: float,
        max_calls: int,
        max_outgoing: int,
        encryption_required: bool,
    ) -> None:
        """Set up without a call.

        Args:
            agenda: the thread's timers.
            post: takes what the phone should know.
            connect_audio: joins a call's audio with the handset's.
            when_changed: is told whether there are calls, when that may have changed.
            silence_s: how long nothing may be heard in a call before the other end is asked whether it is there.
            max_calls: callers beyond are told that the line is busy.
            max_outgoing: how many calls may be placed within the time for which a call's handles linger.
            encryption_required: no call without SRTP.
        """
        self._agenda = agenda
        self._post = post
        self._connect_audio = connect_audio
        self._when_changed = when_changed
        self._silence_s = silence_s
        self._max_calls = max_calls
        self._max_outgoing = max_outgoing
        self._encryption_required = encryption_required
        self._calls: dict[CallId, SipCall] = {}
        self._no_reply: dict[CallId, Appointment] = {}
        self._postponed: dict[CallId, Appointment] = {}
        self._outgoing = 0

    @property
    def encryption_required(self) -> bool:
        """No call without SRTP."""
        return self._encryption_required

    @property
    def is_empty(self) -> bool:
        """The library has let go of every call."""
        return not self._calls

    # --- what the phone asks for -------------------------------------------------------------------------------------

    def place(self, account: Any, call_id: CallId, uri: SipUri, *, anonymous: bool = False) -> None:
        """Send an INVITE, a moment later where too many calls were made at once."""
        self._postponed.pop(call_id, None)
        if self._outgoing >= self._max_outgoing:
            self._postponed[call_id] = self._agenda.after(
                _POSTPONE_S, lambda: self.place(account, call_id, uri, anonymous=anonymous)
            )
            return
        self._outgoing += 1
        call = SipCall(self, account, call_id, CallDirection.OUTGOING)
        self._calls[call_id] = call
        self._when_changed(True)
        self._no_reply[call_id] = self._agenda.after(NO_REPLY_S, lambda: self._give_up(call_id))
        parameters = pjsua2.CallOpParam(True)
        parameters.opt.videoCount = 0
        try:
            call.makeCall(uri, parameters)
        except pjsua2.Error as error:
            _log.warning("A call could not be placed: %s.", error.reason)
            call.tell(CallState.DISCONNECTED, DisconnectReason.UNREACHABLE)
            self.call_over(call_id)

    def take(self, account: Any, pj_call_id: int) -> None:
        """Hear of a new caller."""
        call_id = CallId(uuid.uuid4().hex)
        call = SipCall(self, account, call_id, CallDirection.INCOMING, pj_call_id)
        over_limit = sum(not other.is_over for other in self._calls.values()) >= self._max_calls
        self._calls[call_id] = call
        self._when_changed(True)
        if over_limit:
            call.tell(CallState.DISCONNECTED)  # the phone never hears of it
            self._agenda.after(0, lambda: self._reply(call_id, REJECT_CODES[RejectReason.BUSY]))
            return
        self._post(IncomingCallReceived(call_id, caller_id(str(call.getInfo().remoteUri))))

    def signal_ringing(self, call_id: CallId) -> None:
        """Send 180."""
        self._reply(call_id, _RINGING)

    def answer(self, call_id: CallId) -> None:
        """Send 200."""
        self._reply(call_id, _OK)

    def reject(self, call_id: CallId, reason: RejectReason) -> None:
        """Send the reason's final response."""
        call = self._calls.get(call_id)
        if call is not None:
            call.ending = DisconnectReason.REJECTED
        self._reply(call_id, REJECT_CODES[reason])

    def hang_up(self, call_id: CallId) -> None:
        """End a call in whatever state it is."""
        postponed = self._postponed.pop(call_id, None)
        if postponed is not None:
            postponed.cancel()
            self._post(CallStateChanged(call_id, CallState.DISCONNECTED, DisconnectReason.CANCELLED))
            return
        call = self._calls.get(call_id)
        if call is None or call.is_over:
            return
        if call.answered:
            self._end(call, DisconnectReason.LOCAL_HANGUP)
        elif call.direction is CallDirection.OUTGOING:
            self._end(call, DisconnectReason.CANCELLED)
        else:
            self._end(call, DisconnectReason.REJECTED)

    def hold(self, call_id: CallId) -> None:
        """Ask the far end to stop sending."""
        self._want_hold(call_id, True)

    def resume(self, call_id: CallId) -> None:
        """Undo hold."""
        self._want_hold(call_id, False)

    def _want_hold(self, call_id: CallId, wanted: bool) -> None:
        call = self._calls.get(call_id)
        if call is not None and call.answered and call.wants_hold is not wanted:
            call.wants_hold = wanted
            self._apply_hold(call_id, wanted, _HOLD_TRIES)

    def _apply_hold(self, call_id: CallId, wanted: bool, tries: int) -> None:
        call = self._calls.get(call_id)
        if call is None or call.is_over or call.wants_hold is not wanted:
            return
        parameters = pjsua2.CallOpParam(True)
        try:
            if wanted:
                call.setHold(parameters)
            else:
                parameters.opt.flag = pjsua2.PJSUA_CALL_UNHOLD
                call.reinvite(parameters)
        except pjsua2.Error as error:
            # Another re-INVITE is under way, ours or the peer's (RFC 3261 section 14.1).
            if tries:
                self._agenda.after(_HOLD_RETRY_S, lambda: self._apply_hold(call_id, wanted, tries - 1))
            else:
                _log.warning("A call could not be held or taken back: %s.", error.reason)

    def send_dtmf(self, call_id: CallId, key: Key) -> None:
        """Send one digit as an RTP event (RFC 4733), after those before it."""
        call = self._calls.get(call_id)
        if call is None:
            return
        call.digits.append(key)
        if len(call.digits) == 1:
            self._send_next_digit(call_id)

    def _send_next_digit(self, call_id: CallId) -> None:
        call = self._calls.get(call_id)
        if call is None or not call.digits:
            return
        unsettled_s = call.media_changed_at + _SETTLE_S - time.monotonic()
        if unsettled_s > 0:
            self._agenda.after(unsettled_s, lambda: self._send_next_digit(call_id))
            return
        parameters = pjsua2.CallSendDtmfParam()
        parameters.method = pjsua2.PJSUA_DTMF_METHOD_RFC2833
        parameters.digits = call.digits[0].value
        parameters.duration = _DIGIT_MS
        self._in_call(call_id, lambda sending: sending.sendDtmf(parameters))
        self._agenda.after((_DIGIT_MS + _DIGIT_PAUSE_MS) / 1000, lambda: self._digit_sent(call_id))

    def _digit_sent(self, call_id: CallId) -> None:
        call = self._calls.get(call_id)
        if call is not None and call.digits:
            call.digits.popleft()
            self._send_next_digit(call_id)

    def redirect(self, call_id: CallId, uri: SipUri) -> None:
        """Send 302."""

    def transfer(self, call_id: CallId, uri: SipUri) -> None:
        """Send REFER."""

    def transfer_to_call(self, call_id: CallId, other_call_id: CallId) -> None:
        """Send REFER with Replaces."""

    def join(self, call_ids: Sequence[CallId]) -> None:
        """Mix calls."""

    def split(self) -> None:
        """Undo join."""

    def hang_up_all(self) -> None:
        """End every call."""
        for call_id in [*self._postponed, *self._calls]:
            self.hang_up(call_id)

    def clear(self) -> None:
        """Let go of every call; the library is about to be destroyed."""
        for call in self._calls.values():
            call.tell(CallState.DISCONNECTED, call.ending or DisconnectReason.INTERRUPTED)
        self._calls.clear()
        self._when_changed(False)
        self._no_reply.clear()

    # --- what the library tells --------------------------------------------------------------------------------------

    def call_changed(self, event: CallStateChanged | CallAudioChanged) -> None:
        """Pass on what became of a call, unless the phone never heard of it."""
        if isinstance(event, CallStateChanged) and event.state is CallState.DISCONNECTED and event.reason is None:
            return
        self._post(event)

    def call_answered(self, call_id: CallId) -> None:
        """Begin to watch over the call."""
        self._agenda.after(self._silence_s, lambda: self._watch(call_id))

    def call_progressed(self, call_id: CallId) -> None:
        """Stop waiting for the server's first word."""
        appointment = self._no_reply.pop(call_id, None)
        if appointment is not None:
            appointment.cancel()

    def call_over(self, call_id: CallId) -> None:
        """Drop the call once its own callback has returned."""
        self.call_progressed(call_id)
        self._agenda.after(0, lambda: self._drop(call_id))

    def connect_audio(self, audio: Any) -> None:
        """Join a call's audio with the handset's."""
        self._connect_audio(audio)

    def _watch(self, call_id: CallId) -> None:
        """Ask a peer that has fallen silent whether it is there: without audio a BYE may have been lost."""
        call = self._calls.get(call_id)
        if call is None or call.is_over:
            return
        self._agenda.after(self._silence_s, lambda: self._watch(call_id))
        if call_id in self._no_reply or not call.has_fallen_silent():
            return
        request = pjsua2.CallSendRequestParam()
        request.method = "OPTIONS"
        self._no_reply[call_id] = self._agenda.after(NO_REPLY_S, lambda: self._give_up_on_peer(call_id))
        self._in_call(call_id, lambda asked: asked.sendRequest(request))

    def _give_up_on_peer(self, call_id: CallId) -> None:
        call = self._calls.get(call_id)
        if call is not None and not call.is_over:
            self._end(call, DisconnectReason.NETWORK_LOST)
            call.tell(CallState.DISCONNECTED, DisconnectReason.NETWORK_LOST)

    def _drop(self, call_id: CallId) -> None:
        call = self._calls.pop(call_id, None)
        if call is not None and call.direction is CallDirection.OUTGOING:
            self._agenda.after(LINGER_S, self._outgoing_released)
        self._when_changed(bool(self._calls))

    def _outgoing_released(self) -> None:
        self._outgoing -= 1

    def _reply(self, call_id: CallId, sip_code: int) -> None:
        def reply(call: SipCall) -> None:
            parameters = pjsua2.CallOpParam(True)
            parameters.opt.videoCount = 0
            parameters.statusCode = sip_code
            call.answer(parameters)

        self._in_call(call_id, reply)

    def _in_call(self, call_id: CallId, action: Callable[[SipCall], None]) -> None:
        call = self._calls.get(call_id)
        if call is None:
            return
        try:
            action(call)
        except pjsua2.Error as error:
            # The other end was faster (its CANCEL or BYE is being handled), or did not agree on what this needs.
            _log.warning("The SIP stack declined a request within a call: %s.", error.reason)

    def _end(self, call: SipCall, reason: DisconnectReason) -> None:
        call.ending = reason
        self.call_progressed(call.call_id)
        call_id = call.call_id
        self._agenda.after(HANG_UP_S, lambda: self._go_on_without(call_id))
        self._in_call(call_id, lambda ending: ending.hangup(pjsua2.CallOpParam()))

    def _go_on_without(self, call_id: CallId) -> None:
        # The library keeps repeating BYE or CANCEL for up to 32 s; the person has hung up long ago.
        call = self._calls.get(call_id)
        if call is not None:
            call.tell(CallState.DISCONNECTED, call.ending)

    def _give_up(self, call_id: CallId) -> None:
        call = self._calls.get(call_id)
        if call is None or call.is_in_progress:
            return
        self._end(call, DisconnectReason.UNREACHABLE)
        call.tell(CallState.DISCONNECTED, DisconnectReason.UNREACHABLE)
