"""Handing calls over at either end's wish (RFC 3515, RFC 3891, RFC 5589). Lives on the `sip` thread."""

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import pjsua2

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallState, SipUri, TransferState
from firmware.phone.news import CallReplaced, TransferChanged, VoiceNews
from firmware.voice.sip import native
from firmware.voice.sip.call import SipCall
from firmware.voice.sip.call_table import CallTable
from firmware.voice.sip.identity import ReceivedMessage, read_invitation
from firmware.voice.sip.mapping import caller_id, status_code
from firmware.voice.sip.mixer import Mixer
from firmware.voice.sip.outgoing import NO_REPLY_S, OutgoingCalls
from firmware.voice.sip.scheduler import Appointment, Scheduler

if TYPE_CHECKING:
    from firmware.voice.sip.engine import Engine

_log = logging.getLogger(__name__)

NO_NOTIFY_S: Final = 30.0
# Longer than any phone rings; a transfer that has begun to ring and is never heard of again has failed by then.
_RINGING_S: Final = 180.0
_RINGING: Final = range(180, 200)
_DONE: Final = range(200, 300)
_ACCEPTED: Final = 202  # RFC 3515 section 2.4.2; of the REFER itself, not of the call that it asks for
_FAILED: Final = 300

# Who handed a call over ends it by itself; where it does not, this handset does (RFC 5589 section 6).
_HANDED_OVER_S: Final = 2.0
# What a REFER may add to the new INVITE: nothing else, since headers in a URI could re-route or forge the call.
_HARMLESS_HEADERS: Final = frozenset({"replaces", "require", "call-id"})
_TARGET = re.compile(
    r"^<?sips?:(?:(?P<user>[^@]*)@)?(?P<host>\[[^\]]*\]|[^:;?>]+)(?::\d+)?(?:;[^?>]*)?(?:\?(?P<headers>[^>]*))?"
)


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

    def is_asked(self, call_id: CallId) -> bool:
        """Say whether the other end of a call has been asked to call somebody else."""
        return call_id in self._running

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


class Replacements:
    """Begins the calls that take another's place, and ends those whose place is taken."""

    def __init__(
        self,
        scheduler: Scheduler,
        calls: CallTable,
        post: Callable[[VoiceNews], None],
        mixer: Mixer,
        outgoing: OutgoingCalls,
        *,
        engine: "Engine",
    ) -> None:
        """Set up without a call.

        Args:
            scheduler: the thread's timers.
            calls: all there are.
            post: takes what the phone should know.
            mixer: gives the handset to the call that takes another's place.
            outgoing: gives up those that are left unanswered.
            engine: knows where an account's numbers stand, whom to believe, and who may be called.
        """
        self._scheduler = scheduler
        self._calls = calls
        self._post = post
        self._mixer = mixer
        self._outgoing = outgoing
        self._engine = engine
        self._predecessors: dict[CallId, CallId] = {}

    def transfer_wanted(self, call: SipCall, target: str) -> SipCall | None:
        """Call whom the other end names, where the server could have been asked for that too."""
        if not call.answered or call.is_over or self._calls.is_full or not native.free_call_places():
            return None
        if not is_acceptable_target(target, self._engine.own_hosts(call.account), self._engine.settings.allows):
            _log.info("The other end of a call wanted it transferred to where this handset does not call.")
            return None
        successor = self._calls.begin(call.account, CallDirection.OUTGOING)
        successor.party = caller_id(target.strip("<> ").partition("?")[0])
        self._outgoing.expect_reply(successor, NO_REPLY_S)
        successor_id = successor.call_id
        # The library begins the call once this has returned; where it cannot, no callback says so.
        self._scheduler.after(0, lambda: self._check_begun(successor_id))
        return self._succeed(call, successor)

    def replacement_wanted(self, call: SipCall, message: ReceivedMessage) -> SipCall | None:
        """Let a caller whom a server lets in take the other end's place."""
        if call.is_over or not self._engine.is_trusted(message.source):
            return None
        successor = self._calls.begin(call.account, CallDirection.INCOMING)
        successor.party = read_invitation(message.text, trusted=True).caller
        return self._succeed(call, successor)

    def call_answered(self, call_id: CallId) -> None:
        """End the call whose place this one has taken, unless it ends by itself."""
        predecessor = self._predecessors.pop(call_id, None)
        if predecessor is not None:
            self._scheduler.after(
                _HANDED_OVER_S, lambda: self._calls.end_by_id(predecessor, DisconnectReason.TRANSFERRED)
            )

    def forget(self, call_id: CallId) -> None:
        """The call is over."""
        self._predecessors.pop(call_id, None)

    def _succeed(self, call: SipCall, successor: SipCall) -> SipCall:
        self._mixer.attend_to(successor.call_id)
        call.ending = DisconnectReason.TRANSFERRED
        self._predecessors[successor.call_id] = call.call_id
        self._post(CallReplaced(call.call_id, successor.call_id, successor.party, successor.direction))
        return successor

    def _check_begun(self, call_id: CallId) -> None:
        call = self._calls.get(call_id)
        # Asked for it, the library tells a call from the one that it comes from. With ICE it has not begun yet.
        for number in range(native.most_calls()):
            pjsua2.Call.lookup(number)
        if call is not None and not call.is_known:
            call.tell(CallState.DISCONNECTED, DisconnectReason.UNREACHABLE)
            self._calls.drop_soon(call_id)


def is_acceptable_target(uri: str, hosts: frozenset[str], allows: Callable[[str], bool]) -> bool:
    """Say whether this handset may be sent to call somebody.

    Args:
        uri: where to, from a Refer-To header (RFC 3515 section 2.1).
        hosts: the account's domain and servers, lower case; nobody else may be called at another's wish.
        allows: whether a number may be called at all.
    """
    match = _TARGET.match(uri.strip())
    if match is None or not match["user"]:
        return False
    if match["host"].strip("[]").lower() not in hosts:
        return False
    names = {part.partition("=")[0].strip().lower() for part in (match["headers"] or "").split("&") if part}
    if not names <= _HARMLESS_HEADERS:
        return False
    return allows(unquote(match["user"].partition(";")[0].partition(":")[0]))
