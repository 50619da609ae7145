"""Every call of this handset, by its id. Lives on the `sip` thread."""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import pjsua2

from firmware.phone.call import CallDirection, CallId, CallQuality, CallState, DisconnectReason, RejectReason, SipUri
from firmware.phone.events import (
    CallAudioChanged,
    CallPartyChanged,
    CallQualityMeasured,
    CallReplaced,
    CallStateChanged,
    Event,
    IncomingCallReceived,
    Key,
)
from firmware.sip import native
from firmware.sip.account import SipAccount
from firmware.sip.agenda import Agenda, Appointment
from firmware.sip.call import OutgoingInvitation, SipCall
from firmware.sip.dtmf import DigitSender
from firmware.sip.handle_budget import LINGER_S
from firmware.sip.hold import HoldControl
from firmware.sip.identity import Headers, Invitation, ReceivedMessage, asserted_identity, read_invitation
from firmware.sip.jitter_control import JitterControl
from firmware.sip.mapping import REJECT_CODES, caller_id
from firmware.sip.mixer import Mixer
from firmware.sip.registration import SILENT_S
from firmware.sip.settings import JitterBufferSettings
from firmware.sip.transfer import Transfers, is_acceptable_target
from provisioning.schema import Srtp

_log = logging.getLogger(__name__)

# INVITE is repeated after 0.5, 1.5 and 3.5 s (RFC 3261 section 17.1.1.2); a server that has not even said 100 Trying
# after three repeats will not, and the library would wait for 32 s.
NO_REPLY_S: Final = 6.0
# How long the other end may take over its part of hanging up before the phone goes on without it.
HANG_UP_S: Final = 2.0
QUALITY_S: Final = 5.0
# Who handed a call over ends it by itself; where it does not, this handset does (RFC 5589 section 6).
_HANDED_OVER_S: Final = 2.0
_POSTPONE_S: Final = 0.05
_RINGING: Final = 180
_OK: Final = 200
_MOVED: Final = 302
_NOT_ACCEPTABLE: Final = frozenset({406, 415, 488, 606})


class CallServers(Protocol):
    """What accounts can do about a server that leaves a call unanswered."""

    def server_count(self, account: SipAccount) -> int:
        """How many servers an account has."""
        ...

    def leave_server(self, account: SipAccount) -> bool:
        """Use another server from now on; False where there is none left."""
        ...


class CallTable:
    """Places, takes and ends calls, and tells the phone what becomes of them: implements `call.CallOwner`."""

    def __init__(
        self,
        agenda: Agenda,
        post: Callable[[Event], None],
        mixer: Mixer,
        when_changed: Callable[[bool], None],
        *,
        silence_s: float,
        max_calls: int,
        max_outgoing: int,
        rate_hz: int,
        jitter_buffer: JitterBufferSettings,
        allows: Callable[[str], bool],
        is_trusted: Callable[[str], bool],
        own_hosts: Callable[[SipAccount], frozenset[str]],
        text_arrived: Callable[[ReceivedMessage, str], None],
        servers: CallServers,
    ) -> None:
        """Set up without a call.

        Args:
            agenda: the thread's timers.
            post: takes what the phone should know.
            mixer: connects the calls with the handset.
            when_changed: is told whether there are calls, when that may have changed.
            silence_s: how long nothing may be heard in a call before the other end is asked whether it is there.
            max_calls: callers beyond are told that the line is busy.
            max_outgoing: how many calls may be placed within the time for which a call's handles linger.
            rate_hz: of the conference bridge.
            jitter_buffer: its limits.
            allows: whether the other end of a call may send this handset to a number.
            is_trusted: whether what comes from an address is believed about who calls.
            own_hosts: the names and addresses that an account's numbers stand at.
            text_arrived: takes a text that came within a call.
            servers: what an account can do about a server that leaves a call unanswered.
        """
        self._agenda = agenda
        self._post = post
        self._mixer = mixer
        self._when_changed = when_changed
        self._silence_s = silence_s
        self._max_calls = max_calls
        self._max_outgoing = max_outgoing
        self._allows = allows
        self._is_trusted = is_trusted
        self._own_hosts = own_hosts
        self.text_arrived = text_arrived
        self._servers = servers
        self._calls: dict[CallId, SipCall] = {}
        self._no_reply: dict[CallId, Appointment] = {}
        self._postponed: dict[CallId, Appointment] = {}
        self._predecessors: dict[CallId, CallId] = {}
        self._unannounced: set[CallId] = set()
        self._over: list[CallId] = []
        self._outgoing = 0
        self._digits = DigitSender(agenda, self._find, rate_hz)
        self._holding = HoldControl(agenda, self._find, mixer)
        self._jitter = JitterControl(agenda, self._find, jitter_buffer)
        self._transfers = Transfers(agenda, self._find, post, self._end_by_id)

    @property
    def is_empty(self) -> bool:
        """The library has let go of every call."""
        return not self._calls

    # --- what the phone asks for -------------------------------------------------------------------------------------

    def place(
        self, account: SipAccount, call_id: CallId, uri: SipUri, *, anonymous: bool = False, tries: int = 0
    ) -> None:
        """Send an INVITE, a moment later where too many calls were made at once.

        Args:
            account: whose call it is.
            call_id: names it.
            uri: whom to call.
            anonymous: withhold who calls.
            tries: how many INVITEs of this call have come to nothing already.
        """
        self._place(account, call_id, OutgoingInvitation(uri, anonymous, tries), time.monotonic() + NO_REPLY_S)

    def _place(self, account: SipAccount, call_id: CallId, invitation: OutgoingInvitation, deadline: float) -> None:
        self._postponed.pop(call_id, None)
        self._drop_over()
        if self._is_full:
            _log.warning("A call was not placed: %d are running already.", self._live_calls)
            self._post(CallStateChanged(call_id, CallState.DISCONNECTED, DisconnectReason.NOT_ALLOWED))
            return
        # The library keeps a call's place until its farewell is answered, for half a minute at most.
        if self._outgoing >= self._max_outgoing or not native.free_call_places():
            if time.monotonic() > deadline:
                self._post(CallStateChanged(call_id, CallState.DISCONNECTED, DisconnectReason.UNREACHABLE))
                return
            self._postponed[call_id] = self._agenda.after(
                _POSTPONE_S, lambda: self._place(account, call_id, invitation, deadline)
            )
            return
        try:
            caller = account.without_name() if invitation.anonymous else account
        except pjsua2.Error as error:
            _log.warning("A call could not be placed without a name, and was not placed with it: %s.", error.reason)
            self._post(CallStateChanged(call_id, CallState.DISCONNECTED, DisconnectReason.UNREACHABLE))
            return
        self._outgoing += 1
        call = SipCall(self, account, call_id, CallDirection.OUTGOING, caller=caller)
        call.party = caller_id(invitation.uri)
        call.invitation = invitation
        if invitation.tries:
            call.already_told(CallState.DIALING)
        self._add(call)
        patience_s = SILENT_S if self._servers.server_count(account) > 1 else NO_REPLY_S
        self._no_reply[call_id] = self._agenda.after(patience_s, lambda: self._give_up(call_id))
        parameters = pjsua2.CallOpParam(True)
        parameters.opt.videoCount = 0
        if invitation.anonymous:
            _withhold_identity(parameters.txOption, account.address_of_record)
        try:
            call.makeCall(invitation.uri, parameters)
        except pjsua2.Error as error:
            _log.warning("A call could not be placed: %s.", error.reason)
            call.tell(CallState.DISCONNECTED, DisconnectReason.UNREACHABLE)
            self.call_over(call_id)

    def take(self, account: SipAccount, pj_call_id: int, message: ReceivedMessage) -> None:
        """Hear of a new caller."""
        self._drop_over()
        call_id = CallId(uuid.uuid4().hex)
        call = SipCall(self, account, call_id, CallDirection.INCOMING, pj_call_id)
        call.offer = message.text
        # The library's last place is kept free, so that there is always a way to call for help; it does not count this
        # call yet.
        over_limit = self._live_calls >= self._max_calls or native.free_call_places() <= 1
        self._add(call)
        invitation = read_invitation(message.text, trusted=self._is_trusted(message.source))
        call.party = invitation.caller
        if over_limit:
            # The phone could not take it, but the person may want to know who called.
            busy = REJECT_CODES[RejectReason.BUSY]
            self._announce(call_id, invitation, call.account_settings.name)
            call.tell(CallState.DISCONNECTED, DisconnectReason.BUSY, busy)
            self._agenda.after(0, lambda: self._reply(call_id, busy))
            return
        # The library may refuse it yet, for a session timer that is too short: that caller comes again by itself.
        self._unannounced.add(call_id)
        self._agenda.after(0, lambda: self._announce_unless_over(call_id, invitation))

    def _announce_unless_over(self, call_id: CallId, invitation: Invitation) -> None:
        self._unannounced.discard(call_id)
        call = self._calls.get(call_id)
        if call is not None and not call.is_over:
            self._announce(call_id, invitation, call.account_settings.name)

    def refused_by_library(self, account: SipAccount, message: ReceivedMessage, sip_code: int) -> None:
        """Hear of a caller whom the library has turned away by itself, because no sound could be agreed on."""
        if sip_code not in _NOT_ACCEPTABLE:
            return
        call_id = CallId(uuid.uuid4().hex)
        invitation = read_invitation(message.text, trusted=self._is_trusted(message.source))
        self._announce(call_id, invitation, account.settings.name)
        encryption_required = account.settings.srtp is Srtp.MANDATORY
        reason = DisconnectReason.ENCRYPTION_REQUIRED if encryption_required else DisconnectReason.NO_COMMON_CODEC
        self._post(CallStateChanged(call_id, CallState.DISCONNECTED, reason, sip_code))

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

    def _add(self, call: SipCall) -> None:
        self._calls[call.call_id] = call
        if call.direction is CallDirection.OUTGOING:
            self._mixer.attend_to(call.call_id)
        self._when_changed(True)

    @property
    def _is_full(self) -> bool:
        """No call may be placed: callers have used up theirs, and one more runs already."""
        return self._live_calls > self._max_calls or self._live_calls >= native.most_calls()

    @property
    def _live_calls(self) -> int:
        return sum(not call.is_over for call in self._calls.values())

    def signal_ringing(self, call_id: CallId) -> None:
        """Send 180."""
        self._reply(call_id, _RINGING)

    def answer(self, call_id: CallId) -> None:
        """Send 200."""
        self._mixer.attend_to(call_id)
        self._reply(call_id, _OK)

    def reject(self, call_id: CallId, reason: RejectReason) -> None:
        """Send the reason's final response."""
        call = self._calls.get(call_id)
        if call is not None:
            call.ending = DisconnectReason.REJECTED
        self._reply(call_id, REJECT_CODES[reason])

    def redirect(self, call_id: CallId, uri: SipUri) -> None:
        """Send 302 with whom to call instead."""
        call = self._calls.get(call_id)
        if call is not None:
            call.ending = DisconnectReason.FORWARDED
        self._reply(call_id, _MOVED, contact=f"<{uri}>")

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
        self._holding.hold(call_id)

    def resume(self, call_id: CallId) -> None:
        """Undo hold."""
        self._holding.resume(call_id)

    def send_dtmf(self, call_id: CallId, key: Key) -> None:
        """Send one digit, after those before it."""
        self._digits.send(call_id, key)

    def transfer(self, call_id: CallId, uri: SipUri) -> None:
        """Send REFER."""
        self._transfers.transfer(call_id, uri)

    def transfer_to_call(self, call_id: CallId, other_call_id: CallId) -> None:
        """Send REFER with Replaces."""
        self._transfers.transfer_to_call(call_id, other_call_id)

    def join(self, call_ids: Sequence[CallId]) -> None:
        """Let these calls hear each other, taken back from hold first."""
        members = [call_id for call_id in call_ids if call_id in self._calls and self._calls[call_id].answered]
        self._mixer.join(members)
        for call_id in members:
            self._holding.resume(call_id)

    def split(self) -> None:
        """Undo join."""
        self._mixer.split()

    def follow_address(self, account: SipAccount) -> None:
        """Move an account's calls to our new address."""
        for call_id, call in list(self._calls.items()):
            if call.account is account and call.answered and not call.is_over:
                parameters = pjsua2.CallOpParam(True)
                parameters.opt.videoCount = 0
                parameters.opt.flag = (
                    pjsua2.PJSUA_CALL_REINIT_MEDIA | pjsua2.PJSUA_CALL_UPDATE_CONTACT | pjsua2.PJSUA_CALL_UPDATE_VIA
                )
                self._in_call(call_id, lambda moved, how=parameters: moved.reinvite(how))  # type: ignore[misc]

    def hang_up_all(self) -> None:
        """End every call."""
        for call_id in [*self._postponed, *self._calls]:
            self.hang_up(call_id)

    def clear(self) -> None:
        """Let go of every call; the library is about to be destroyed."""
        for call in self._calls.values():
            call.tell(CallState.DISCONNECTED, call.ending or DisconnectReason.INTERRUPTED)
        self._mixer.close()
        self._digits.clear()
        self._jitter.clear()
        self._calls.clear()
        self._when_changed(False)
        self._no_reply.clear()
        self._predecessors.clear()

    # --- what the library tells --------------------------------------------------------------------------------------

    def call_changed(self, event: CallStateChanged | CallAudioChanged) -> None:
        """Pass on what became of a call, unless the phone never heard of it."""
        if event.call_id in self._unannounced:
            return
        if isinstance(event, CallStateChanged) and event.state is CallState.DISCONNECTED:
            if event.reason is None:
                return
            self._tell_quality(event.call_id)
        self._post(event)

    def call_answered(self, call_id: CallId) -> None:
        """Begin to watch over the call."""
        self._agenda.after(self._silence_s, lambda: self._watch(call_id))
        self._agenda.after(QUALITY_S, lambda: self._measure(call_id))
        predecessor = self._predecessors.pop(call_id, None)
        if predecessor is not None:
            self._agenda.after(_HANDED_OVER_S, lambda: self._end_by_id(predecessor, DisconnectReason.TRANSFERRED))

    def call_progressed(self, call_id: CallId) -> None:
        """Stop waiting for the server's first word."""
        appointment = self._no_reply.pop(call_id, None)
        if appointment is not None:
            appointment.cancel()

    def call_over(self, call_id: CallId) -> None:
        """Drop the call once its own callback has returned."""
        self.call_progressed(call_id)
        # At once: asked to disconnect a sound that it has taken away already, pjsua2 2.15.1 cuts others off as well.
        self._mixer.forget(call_id)
        self._over.append(call_id)
        self._agenda.after(0, self._drop_over)

    def sound_changed(self, call_id: CallId, sound: Any) -> None:
        """Connect the call's new place in the conference bridge."""
        self._mixer.set_sound(call_id, sound)

    def stream_began(self, call: SipCall, address: int) -> None:
        """Follow the line with the stream's jitter buffer."""
        self._jitter.stream_began(call, address)

    def stream_ended(self, call: SipCall) -> None:
        """Let go of the stream."""
        self._jitter.stream_ended(call)

    def hold_met_another(self, call_id: CallId) -> None:
        """Try again to hold a call or to take it back."""
        self._holding.met(call_id)

    def hold_refused(self, call_id: CallId) -> None:
        """Hold at this end what cannot be held at the other."""
        self._holding.refused(call_id)

    def party_told(self, call_id: CallId, message: ReceivedMessage) -> None:
        """Notice that a server says who is at the other end, and that it is somebody else than was known."""
        call = self._calls.get(call_id)
        if call is None or not self._is_trusted(message.source):
            return
        party = asserted_identity(Headers(message.text))
        if party is None or (party.number, party.display_name) == (call.party.number, call.party.display_name):
            return
        call.party = party
        self._post(CallPartyChanged(call_id, party))

    def transfer_progressed(self, call_id: CallId, sip_code: int, *, final: bool) -> None:
        """Follow a transfer that this handset asked for."""
        self._transfers.status_told(call_id, sip_code, final=final)

    def transfer_wanted(self, call: SipCall, target: str) -> SipCall | None:
        """Call whom the other end names, where the server could have been asked for that too."""
        hosts = self._own_hosts(call.account)
        if not call.answered or call.is_over or self._is_full or not native.free_call_places():
            return None
        if not is_acceptable_target(target, hosts, self._allows):
            _log.info("The other end of a call wanted it transferred to where this handset does not call.")
            return None
        self._drop_over()
        self._outgoing += 1
        successor = SipCall(self, call.account, CallId(uuid.uuid4().hex), CallDirection.OUTGOING)
        successor.party = caller_id(target.strip("<> ").partition("?")[0])
        self._no_reply[successor.call_id] = self._agenda.after(NO_REPLY_S, lambda: self._give_up(successor_id))
        successor_id = successor.call_id
        # The library begins the call once this has returned; where it cannot, no callback says so.
        self._agenda.after(0, lambda: self._check_begun(successor_id))
        return self._succeed(call, successor)

    def replacement_wanted(self, call: SipCall, message: ReceivedMessage) -> SipCall | None:
        """Let a caller whom a server lets in take the other end's place."""
        if call.is_over or not self._is_trusted(message.source):
            return None
        self._drop_over()
        successor = SipCall(self, call.account, CallId(uuid.uuid4().hex), CallDirection.INCOMING)
        successor.party = read_invitation(message.text, trusted=True).caller
        self._mixer.attend_to(successor.call_id)
        return self._succeed(call, successor)

    def _succeed(self, call: SipCall, successor: SipCall) -> SipCall:
        self._add(successor)
        call.ending = DisconnectReason.TRANSFERRED
        self._predecessors[successor.call_id] = call.call_id
        self._post(CallReplaced(call.call_id, successor.call_id, successor.party, successor.direction))
        return successor

    def _check_begun(self, call_id: CallId) -> None:
        call = self._calls.get(call_id)
        if call is not None and not (call.is_known and call.isActive()):
            call.tell(CallState.DISCONNECTED, DisconnectReason.UNREACHABLE)
            self.call_over(call_id)

    def _measure(self, call_id: CallId) -> None:
        call = self._calls.get(call_id)
        if call is None or call.is_over:
            return
        self._agenda.after(QUALITY_S, lambda: self._measure(call_id))
        self._tell_quality(call_id)

    def _tell_quality(self, call_id: CallId) -> None:
        call = self._calls.get(call_id)
        quality: CallQuality | None = call.measure() if call is not None else None
        if quality is not None:
            self._post(CallQualityMeasured(call_id, quality))

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

    def _drop_over(self) -> None:
        """Let go of the calls that are over, before the library gives the number of one to another (see SipCall)."""
        over, self._over = self._over, []
        for call_id in over:
            self._drop(call_id)

    def _drop(self, call_id: CallId) -> None:
        self._mixer.forget(call_id)
        self._digits.forget(call_id)
        self._transfers.forget(call_id)
        self._predecessors.pop(call_id, None)
        call = self._calls.pop(call_id, None)
        if call is not None and call.direction is CallDirection.OUTGOING:
            self._agenda.after(LINGER_S, self._outgoing_released)
        self._when_changed(bool(self._calls))

    def _outgoing_released(self) -> None:
        self._outgoing -= 1

    def _reply(self, call_id: CallId, sip_code: int, contact: str = "") -> None:
        def reply(call: SipCall) -> None:
            parameters = pjsua2.CallOpParam(True)
            parameters.opt.videoCount = 0
            parameters.statusCode = sip_code
            if contact:
                _add_header(parameters.txOption, "Contact", contact)
            call.answer(parameters)

        self._in_call(call_id, reply)

    def _find(self, call_id: CallId) -> SipCall | None:
        call = self._calls.get(call_id)
        return call if call is not None and call.is_known else None

    def _in_call(self, call_id: CallId, action: Callable[[SipCall], None]) -> None:
        call = self._find(call_id)
        if call is None:
            return
        try:
            action(call)
        except pjsua2.Error as error:
            # The other end was faster (its CANCEL or BYE is being handled), or did not agree on what this needs.
            _log.warning("The SIP stack declined a request within a call: %s.", error.reason)

    def _end_by_id(self, call_id: CallId, reason: DisconnectReason) -> None:
        call = self._calls.get(call_id)
        if call is not None and not call.is_over:
            self._end(call, reason)

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
        if call is None or call.is_in_progress or self._try_elsewhere(call):
            return
        self._end(call, DisconnectReason.UNREACHABLE)
        call.tell(CallState.DISCONNECTED, DisconnectReason.UNREACHABLE)

    def call_not_sent(self, call: SipCall) -> bool:
        """Hear that a call's INVITE did not get through; True where it is tried again."""
        return self._try_elsewhere(call, has_failed=True)

    def _try_elsewhere(self, call: SipCall, *, has_failed: bool = False) -> bool:
        """Place a call again that its server leaves unanswered; False where that has been tried."""
        invitation = call.invitation
        if invitation is None or call.ending is not None:
            return False
        others_left = invitation.tries + 1 < self._servers.server_count(call.account)
        if not (others_left and self._servers.leave_server(call.account)) and not (has_failed and not invitation.tries):
            # Once more with the same server only where a connection to it may have died unnoticed.
            return False
        call_id, account = call.call_id, call.account
        self.call_progressed(call_id)
        # Until the library lets go of it, the try that came to nothing goes on under a name that the phone never hears.
        call.call_id = CallId(uuid.uuid4().hex)
        self._calls[call.call_id] = self._calls.pop(call_id)
        call.tell(CallState.DISCONNECTED)
        if not has_failed:
            self._end(call, DisconnectReason.UNREACHABLE)
        self._postponed[call_id] = self._agenda.after(
            0,
            lambda: self.place(
                account, call_id, invitation.uri, anonymous=invitation.anonymous, tries=invitation.tries + 1
            ),
        )
        return True


def _withhold_identity(options: Any, address_of_record: str) -> None:
    """Tell who calls to the server alone (RFC 3325 section 9.2)."""
    _add_header(options, "Privacy", "id")
    _add_header(options, "P-Preferred-Identity", address_of_record)


def _add_header(options: Any, name: str, value: str) -> None:
    header = pjsua2.SipHeader()
    header.hName, header.hValue = name, value
    options.headers.append(header)
