"""Calls that this handset places, one moment later or over another server where need be. Lives on the `sip` thread."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pjsua2

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallState
from firmware.phone.news import CallStateChanged, VoiceNews
from firmware.voice.sip.account import SipAccount
from firmware.voice.sip.call import OutgoingInvitation, SipCall, add_header
from firmware.voice.sip.call_table import CallTable
from firmware.voice.sip.mapping import caller_id
from firmware.voice.sip.mixer import Mixer
from firmware.voice.sip.registration import SILENT_S
from firmware.voice.sip.scheduler import Appointment, Scheduler

if TYPE_CHECKING:
    from firmware.voice.sip.engine import Engine

_log = logging.getLogger(__name__)

# INVITE is repeated after 0.5, 1.5 and 3.5 s (RFC 3261 section 17.1.1.2); a server that has not even said 100 Trying
# after three repeats will not, and the library would wait for 32 s.
NO_REPLY_S: Final = 6.0
_POSTPONE_S: Final = 0.05


class OutgoingCalls:
    """Places calls, and again over another server where one leaves them unanswered."""

    def __init__(
        self, scheduler: Scheduler, calls: CallTable, post: Callable[[VoiceNews], None], mixer: Mixer, engine: "Engine"
    ) -> None:
        """Set up without a call.

        Args:
            scheduler: the thread's timers.
            calls: all there are.
            post: takes what the phone should know.
            mixer: gives the handset to a call that is placed.
            engine: moves an account whose server leaves a call unanswered.
        """
        self._scheduler = scheduler
        self._calls = calls
        self._post = post
        self._mixer = mixer
        self._engine = engine
        self._postponed: dict[CallId, Appointment] = {}

    @property
    def postponed(self) -> Iterator[CallId]:
        """Those that are yet to be placed."""
        return iter(list(self._postponed))

    def place(self, account: SipAccount, call_id: CallId, invitation: OutgoingInvitation) -> None:
        """Send an INVITE, a moment later where too many calls were made at once."""
        self._place(account, call_id, invitation, time.monotonic() + NO_REPLY_S)

    def cancel_postponed(self, call_id: CallId) -> bool:
        """Do not place a call that is yet to be placed; False where it is not one of those."""
        postponed = self._postponed.pop(call_id, None)
        if postponed is None:
            return False
        postponed.cancel()
        self._not_placed(call_id, DisconnectReason.CANCELLED)
        return True

    def expect_reply(self, call: SipCall, patience_s: float) -> None:
        """Give a call up, or place it again, unless its server says something in time."""
        call_id = call.call_id
        call.await_reply(self._scheduler.after(patience_s, lambda: self._give_up(call_id)))

    def try_elsewhere(self, call: SipCall, *, has_failed: bool = False) -> bool:
        """Place a call again that its server leaves unanswered; False where that has been tried.

        Args:
            call: that has come to nothing.
            has_failed: the INVITE did not get through, and the library is done with it.
        """
        invitation = call.invitation
        if invitation is None or call.ending is not None:
            return False
        others_left = invitation.tries + 1 < self._engine.server_count(call.account)
        if not (others_left and self._engine.leave_server(call.account)) and not (has_failed and not invitation.tries):
            # Once more with the same server only where a connection to it may have died unnoticed.
            return False
        call_id, account = call.call_id, call.account
        call.reply_came()
        # Until the library lets go of it, the try that came to nothing goes on under a name that the phone never hears.
        self._calls.rename(call)
        call.tell(CallState.DISCONNECTED)
        if not has_failed:
            self._calls.end(call, DisconnectReason.UNREACHABLE)
        again = replace(invitation, tries=invitation.tries + 1)
        self._postponed[call_id] = self._scheduler.after(0, lambda: self.place(account, call_id, again))
        return True

    def _place(self, account: SipAccount, call_id: CallId, invitation: OutgoingInvitation, deadline: float) -> None:
        self._postponed.pop(call_id, None)
        if self._calls.is_full:
            _log.warning("A call was not placed: %d are running already.", self._calls.live_calls)
            self._not_placed(call_id, DisconnectReason.NOT_ALLOWED)
            return
        if not self._calls.has_room_to_place:
            if time.monotonic() > deadline:
                self._not_placed(call_id, DisconnectReason.UNREACHABLE)
                return
            self._postponed[call_id] = self._scheduler.after(
                _POSTPONE_S, lambda: self._place(account, call_id, invitation, deadline)
            )
            return
        try:
            caller = account.without_name() if invitation.anonymous else account
        except pjsua2.Error as error:
            _log.warning("A call could not be placed without a name, and was not placed with it: %s.", error.reason)
            self._not_placed(call_id, DisconnectReason.UNREACHABLE)
            return
        call = self._calls.begin(account, CallDirection.OUTGOING, call_id=call_id, caller=caller)
        call.party = caller_id(invitation.uri)
        call.invitation = invitation
        if invitation.tries:
            call.already_told(CallState.DIALING)
        self._mixer.attend_to(call_id)
        self.expect_reply(call, SILENT_S if self._engine.server_count(account) > 1 else NO_REPLY_S)
        self._invite(call, invitation)

    def _invite(self, call: SipCall, invitation: OutgoingInvitation) -> None:
        parameters = pjsua2.CallOpParam(True)
        parameters.opt.videoCount = 0
        if self._engine.settings.is_emergency(call.party.number):
            # RFC 3261 section 20.26.
            add_header(parameters.txOption, "Priority", "emergency")
        if invitation.anonymous and call.account_settings.registers:
            _withhold_identity(parameters.txOption, call.account.address_of_record)
        try:
            call.makeCall(invitation.uri, parameters)
        except pjsua2.Error as error:
            _log.warning("A call could not be placed: %s.", error.reason)
            call.tell(CallState.DISCONNECTED, DisconnectReason.UNREACHABLE)
            self._calls.drop_soon(call.call_id)

    def _give_up(self, call_id: CallId) -> None:
        call = self._calls.get(call_id)
        if call is not None and not call.is_in_progress and not self.try_elsewhere(call):
            self._calls.give_up(call, DisconnectReason.UNREACHABLE)

    def _not_placed(self, call_id: CallId, reason: DisconnectReason) -> None:
        self._post(CallStateChanged(call_id, CallState.DISCONNECTED, reason))


def _withhold_identity(options: Any, address_of_record: str) -> None:
    """Tell who calls to the server alone (RFC 3325 section 9.2)."""
    add_header(options, "Privacy", "id")
    add_header(options, "P-Preferred-Identity", address_of_record)
