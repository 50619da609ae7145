"""Handing calls over (RFC 3515, RFC 3891, RFC 5589). Lives on the `sip` thread."""

import logging
from collections.abc import Callable
from typing import Final

import pjsua2

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, SipUri, TransferState
from firmware.phone.news import TransferChanged, VoiceNews
from firmware.voice.sip.call import SipCall
from firmware.voice.sip.mapping import status_code
from firmware.voice.sip.scheduler import Appointment, Scheduler

_log = logging.getLogger(__name__)

NO_NOTIFY_S: Final = 30.0
# Longer than any phone rings; a transfer that has begun to ring and is never heard of again has failed by then.
_RINGING_S: Final = 180.0
_RINGING: Final = range(180, 200)
_DONE: Final = range(200, 300)
_ACCEPTED: Final = 202  # RFC 3515 section 2.4.2; of the REFER itself, not of the call that it asks for
_FAILED: Final = 300


class Transfers:
    """Follows the transfers that this handset asked for."""

    def __init__(
        self,
        scheduler: Scheduler,
        find: Callable[[CallId], SipCall | None],
        post: Callable[[VoiceNews], None],
        end: Callable[[CallId, DisconnectReason], None],
    ) -> None:
        """Set up without a transfer.

        Args:
            scheduler: the thread's timers.
            find: returns a call that the library still has.
            post: takes what the phone should know.
            end: hangs a call up, for a reason.
        """
        self._scheduler = scheduler
        self._find = find
        self._post = post
        self._end = end
        self._running: dict[CallId, Appointment] = {}
        self._states: dict[CallId, TransferState] = {}

    def transfer(self, call_id: CallId, uri: SipUri) -> None:
        """Ask the other end to call somebody else."""
        self._ask(call_id, lambda call: call.xfer(uri, pjsua2.CallOpParam(True)))

    def transfer_to_call(self, call_id: CallId, other_call_id: CallId) -> None:
        """Ask the other end to take the place of this handset in another call.

        A call that has not been answered cannot be replaced by anybody but its caller (RFC 3891 section 3): it ends,
        and the other end is asked to call the same party anew.
        """
        other = self._find(other_call_id)
        if other is None or other.is_over or other_call_id == call_id:
            self._tell(call_id, TransferState.FAILED)
        elif other.answered:
            self._ask(call_id, lambda call: call.xferReplaces(other, pjsua2.CallOpParam(True)))
        elif other.invitation is not None:
            uri = other.invitation.uri
            self._end(other_call_id, DisconnectReason.CANCELLED)
            self.transfer(call_id, uri)
        else:
            self._tell(call_id, TransferState.FAILED)

    def status_told(self, call_id: CallId, sip_code: int, *, final: bool) -> None:
        """Hear how the call that was asked for fares: by NOTIFY, or by the refusal of the REFER."""
        if call_id not in self._running:
            return
        if sip_code in _RINGING:
            self._wait(call_id, _RINGING_S)
            if self._states.get(call_id) is not TransferState.RINGING:
                self._tell(call_id, TransferState.RINGING, sip_code)
        elif sip_code >= _FAILED:
            self.forget(call_id)
            self._tell(call_id, TransferState.FAILED, sip_code)
        elif sip_code in _DONE and (final or sip_code != _ACCEPTED):
            self.forget(call_id)
            self._tell(call_id, TransferState.DONE, sip_code)
            self._end(call_id, DisconnectReason.TRANSFERRED)
        elif sip_code < _RINGING.start:
            self._wait(call_id, _RINGING_S)

    def forget(self, call_id: CallId) -> None:
        """Follow this one no longer."""
        appointment = self._running.pop(call_id, None)
        if appointment is not None:
            appointment.cancel()
        self._states.pop(call_id, None)

    def _ask(self, call_id: CallId, send: Callable[[SipCall], None]) -> None:
        call = self._find(call_id)
        if call is None or not call.answered or call.is_over or call_id in self._running:
            self._tell(call_id, TransferState.FAILED)
            return
        try:
            send(call)
        except pjsua2.Error as error:
            _log.warning("A transfer could not be asked for: %s.", error.reason)
            self._tell(call_id, TransferState.FAILED)
            return
        self._wait(call_id, NO_NOTIFY_S)
        self._tell(call_id, TransferState.REQUESTED)

    def _wait(self, call_id: CallId, timeout_s: float) -> None:
        previous = self._running.get(call_id)
        if previous is not None:
            previous.cancel()
        self._running[call_id] = self._scheduler.after(timeout_s, lambda: self._give_up(call_id))

    def _give_up(self, call_id: CallId) -> None:
        self.forget(call_id)
        self._tell(call_id, TransferState.FAILED)

    def _tell(self, call_id: CallId, state: TransferState, sip_code: int = 0) -> None:
        if call_id in self._running:
            self._states[call_id] = state
        self._post(TransferChanged(call_id, state, status_code(sip_code)))
