"""Calls that come in, until the phone has decided what becomes of them. Lives on the `sip` thread."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pjsua2

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallState, RejectReason, SipUri
from firmware.phone.news import CallStateChanged, IncomingCallReceived, VoiceNews
from firmware.voice.sip.account import SipAccount
from firmware.voice.sip.call import SipCall, add_header
from firmware.voice.sip.call_table import CallTable, new_call_id
from firmware.voice.sip.identity import Invitation, ReceivedMessage, read_invitation
from firmware.voice.sip.mapping import REJECT_CODES
from firmware.voice.sip.mixer import Mixer
from firmware.voice.sip.scheduler import Scheduler

if TYPE_CHECKING:
    from firmware.voice.sip.engine import Engine

_RINGING: Final = 180
_OK: Final = 200
_MOVED: Final = 302
_NOT_ACCEPTABLE: Final = frozenset({406, 415, 488, 606})


class IncomingCalls:
    """Tells the phone of those who call, and tells them what the phone decides."""

    def __init__(
        self,
        scheduler: Scheduler,
        calls: CallTable,
        post: Callable[[VoiceNews], None],
        mixer: Mixer,
        engine: "Engine",
    ) -> None:
        """Set up without a call.

        Args:
            scheduler: the thread's timers.
            calls: all there are.
            post: takes what the phone should know.
            mixer: gives the handset to a call that is answered.
            engine: knows whether what comes from an address is believed about who calls.
        """
        self._scheduler = scheduler
        self._calls = calls
        self._post = post
        self._mixer = mixer
        self._engine = engine
        self._unannounced: set[CallId] = set()

    def is_announced(self, call_id: CallId) -> bool:
        """Say whether the phone has heard of a call."""
        return call_id not in self._unannounced

    def take(self, account: SipAccount, pj_call_id: int, message: ReceivedMessage) -> None:
        """Hear of a new caller."""
        is_full = self._calls.is_full_for_callers
        call = self._calls.begin(account, CallDirection.INCOMING, pj_call_id=pj_call_id)
        call_id = call.call_id
        call.offer = message.text
        call.read_recording_signs(message.text)
        invitation = self._read(message)
        call.party = invitation.caller
        if is_full:
            # The phone could not take it, but the person may want to know who called.
            busy = REJECT_CODES[RejectReason.BUSY]
            self._announce(call_id, invitation, account.settings.name)
            call.tell(CallState.DISCONNECTED, DisconnectReason.BUSY, busy)
            self._scheduler.after(0, lambda: self._reply(call_id, busy))
            return
        # The library may refuse it yet, for a session timer that is too short: that caller comes again by itself.
        self._unannounced.add(call_id)
        self._scheduler.after(0, lambda: self._announce_unless_over(call_id, invitation))

    def refused_by_library(self, account: SipAccount, message: ReceivedMessage, sip_code: int) -> None:
        """Hear of a caller whom the library has turned away by itself, because no sound could be agreed on."""
        if sip_code not in _NOT_ACCEPTABLE:
            return
        call_id = new_call_id()
        self._announce(call_id, self._read(message), account.settings.name)
        encryption_required = account.settings.srtp.is_mandatory
        reason = DisconnectReason.ENCRYPTION_REQUIRED if encryption_required else DisconnectReason.NO_COMMON_CODEC
        self._post(CallStateChanged(call_id, CallState.DISCONNECTED, reason, sip_code))

    def signal_ringing(self, call_id: CallId) -> None:
        """Send 180."""
        self._reply(call_id, _RINGING)

    def answer(self, call_id: CallId) -> None:
        """Send 200."""
        self._mixer.attend_to(call_id)
        self._reply(call_id, _OK)

    def reject(self, call_id: CallId, reason: RejectReason) -> None:
        """Send the reason's final response."""
        self._decline(call_id, DisconnectReason.REJECTED)
        self._reply(call_id, REJECT_CODES[reason])

    def redirect(self, call_id: CallId, uri: SipUri) -> None:
        """Send 302 with whom to call instead."""
        self._decline(call_id, DisconnectReason.FORWARDED)
        self._reply(call_id, _MOVED, contact=f"<{uri}>")

    def _decline(self, call_id: CallId, ending: DisconnectReason) -> None:
        call = self._calls.get(call_id)
        if call is not None:
            call.ending = ending

    def _reply(self, call_id: CallId, sip_code: int, contact: str = "") -> None:
        def reply(call: SipCall) -> None:
            if call.is_over and sip_code <= _OK:
                return  # it came when there was no place for it, and is told so in a moment
            parameters = pjsua2.CallOpParam(True)
            parameters.opt.videoCount = 0
            parameters.opt.textCount = int(call.offered_text)
            parameters.statusCode = sip_code
            if contact:
                add_header(parameters.txOption, "Contact", contact)
            call.answer(parameters)

        self._calls.within(call_id, reply)

    def _read(self, message: ReceivedMessage) -> Invitation:
        return read_invitation(message.text, trusted=self._engine.is_trusted(message.source))

    def _announce_unless_over(self, call_id: CallId, invitation: Invitation) -> None:
        self._unannounced.discard(call_id)
        call = self._calls.get(call_id)
        if call is not None and not call.is_over:
            self._announce(call_id, invitation, call.account_settings.name)

    def _announce(self, call_id: CallId, invitation: Invitation, account: str) -> None:
        self._post(
            IncomingCallReceived(
                call_id,
                invitation.caller,
                account,
                invitation.ring,
                invitation.answer_after_s,
                invitation.diverted_by,
            )
        )
