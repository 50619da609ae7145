"""Calls that take another's place at the other end's wish (RFC 3515, RFC 3891). Lives on the `sip` thread."""

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import pjsua2

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallState
from firmware.phone.news import CallReplaced, VoiceNews
from firmware.voice.sip import native
from firmware.voice.sip.call import SipCall
from firmware.voice.sip.call_table import CallTable
from firmware.voice.sip.identity import ReceivedMessage, read_invitation
from firmware.voice.sip.mapping import caller_id
from firmware.voice.sip.mixer import Mixer
from firmware.voice.sip.outgoing import NO_REPLY_S, OutgoingCalls
from firmware.voice.sip.scheduler import Scheduler

if TYPE_CHECKING:
    from firmware.voice.sip.engine import Engine

_log = logging.getLogger(__name__)

# Who handed a call over ends it by itself; where it does not, this handset does (RFC 5589 section 6).
_HANDED_OVER_S: Final = 2.0
# What a REFER may add to the new INVITE: nothing else, since headers in a URI could re-route or forge the call.
_HARMLESS_HEADERS: Final = frozenset({"replaces", "require", "call-id"})
_TARGET = re.compile(
    r"^<?sips?:(?:(?P<user>[^@]*)@)?(?P<host>\[[^\]]*\]|[^:;?>]+)(?::\d+)?(?:;[^?>]*)?(?:\?(?P<headers>[^>]*))?"
)


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
