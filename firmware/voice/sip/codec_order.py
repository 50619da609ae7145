"""Which codec each session description names first, by what the line of its call has shown."""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pjsua2

from contract.calls import CallDirection
from firmware.phone.call import CallId
from firmware.voice.sip import native
from firmware.voice.sip.codec_policy import OPUS, CallFacts, LineCounts, LineJudge, LineState, should_ask_for_opus
from firmware.voice.sip.scheduler import Appointment, Scheduler

if TYPE_CHECKING:
    from firmware.voice.sip.call import SipCall

_log = logging.getLogger(__name__)

_LOOK_S: Final = 1.0
_NAMES_OPUS: Final = re.compile(r"^a=rtpmap:[0-9]{2,3} opus/48000/2[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


@dataclass(slots=True)
class _Progress:
    """How far one call has come.

    Attributes:
        judge: of its line.
        peer_has_opus: the other end has named it.
        codec: that is spoken, empty where none has been yet.
        changed_at_s: when it became another, on the monotonic clock; None where it has not.
        was_asked: the other end has been asked to go on in Opus.
        awaits_answer: and has not answered.
    """

    judge: LineJudge
    peer_has_opus: bool = False
    codec: str = ""
    changed_at_s: float | None = None
    was_asked: bool = False
    awaits_answer: bool = False


class CodecOrder:
    """Names Opus first where a line needs it, and asks those in running calls to go on in it.

    Lives on the `sip` thread; its timer runs only during calls. What a line was like is remembered for the next call
    over the same server, for as long as the handset runs.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        find: Callable[[CallId], "SipCall | None"],
        *,
        applies: Callable[[], bool],
        is_emergency: Callable[[str], bool],
        is_busy: Callable[[CallId], bool],
    ) -> None:
        """Set up without a call.

        Args:
            scheduler: the thread's timers.
            find: returns a call by its id, None where there is none.
            applies: whether the order of codecs is left to the line.
            is_emergency: whether a number is one for help.
            is_busy: whether something is under way in a call that a re-INVITE would be in the way of.
        """
        self._scheduler = scheduler
        self._find = find
        self._applies = applies
        self._is_emergency = is_emergency
        self._is_busy = is_busy
        self._calls: dict[CallId, _Progress] = {}
        self._remembered: dict[str, LineState] = {}
        self._timer: Appointment | None = None

    # --- what descriptions say ---------------------------------------------------------------------------------------

    def describe(self, call: "SipCall", offer: int | None, own: int) -> None:
        """Name Opus first in a description that is about to be sent, where the call should be spoken in it.

        An offer of ours within a call names what it is spoken in and nothing else, unless it asks for Opus: servers
        that are offered more when they are only to hold the call change the codec, or answer with several, and the
        library's UPDATE, which leaves one of these, ends Asterisk's music.

        Args:
            call: the call.
            offer: the other end's `pjmedia_sdp_session` that it answers, None where it is an offer. The library answers
                in the order of the offer.
            own: ours.
        """
        progress = self._progress(call)
        if not offer and progress.codec and not progress.awaits_answer:
            native.library().wecall_name_only(own, progress.codec.encode())
        elif self._applies() and self._prefers_opus(progress):
            native.library().wecall_name_first(offer or own, OPUS.encode())

    def _prefers_opus(self, progress: _Progress) -> bool:
        if progress.codec:
            # Hold, or whatever else is described anew, is no wish for another codec.
            return progress.awaits_answer or progress.codec == OPUS
        return progress.judge.state is not LineState.CLEAN

    def message_came(self, call: "SipCall", message: str) -> None:
        """Notice that the other end names Opus in an offer or an answer."""
        if _NAMES_OPUS.search(message):
            self._progress(call).peer_has_opus = True

    # --- what becomes of a call --------------------------------------------------------------------------------------

    def stream_began(self, call: "SipCall") -> None:
        """Look at the call's line from now on."""
        self._progress(call).judge.stream_began()
        if self._timer is None:
            self._timer = self._scheduler.after(_LOOK_S, self._look)

    def media_changed(self, call: "SipCall") -> None:
        """Notice what codec has been agreed on."""
        progress, codec = self._progress(call), call.codec
        if codec and codec != progress.codec:
            progress.changed_at_s = time.monotonic() if progress.codec else None
            progress.codec = codec

    def reinvite_answered(self, call_id: CallId) -> bool:
        """Take the final answer to a re-INVITE; False where it was not one of ours for another codec.

        A refusal changes nothing, and the other end is not asked again.
        """
        progress = self._calls.get(call_id)
        if progress is None or not progress.awaits_answer:
            return False
        progress.awaits_answer = False
        return True

    def forget(self, call_id: CallId) -> None:
        """The call is over."""
        self._calls.pop(call_id, None)
        if not self._calls and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def clear(self) -> None:
        """Let go of every call; the library is about to be destroyed."""
        self._calls.clear()
        self._timer = None

    def _progress(self, call: "SipCall") -> _Progress:
        progress = self._calls.get(call.call_id)
        if progress is None:
            state = self._remembered.get(call.account_settings.host, LineState.CLEAN)
            progress = _Progress(LineJudge(state), peer_has_opus=_NAMES_OPUS.search(call.offer) is not None)
            self._calls[call.call_id] = progress
        return progress

    # --- the line ----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._timer = None
        for call_id, progress in list(self._calls.items()):
            call = self._find(call_id)
            if call is None:
                # It goes on under another name (outgoing.py), or was never placed.
                del self._calls[call_id]
                continue
            counts = _counts(call)
            if counts is None:
                continue
            judge = progress.judge
            self._remembered[call.account_settings.host] = judge.look(counts)
            if self._applies() and should_ask_for_opus(self._facts(call, progress), loses_packets=judge.loses_packets):
                self._ask_for_opus(call, progress)
        if self._calls:
            self._timer = self._scheduler.after(_LOOK_S, self._look)

    def _facts(self, call: "SipCall", progress: _Progress) -> CallFacts:
        changed_at_s = progress.changed_at_s
        return CallFacts(
            codec=progress.codec,
            peer_has_opus=progress.peer_has_opus,
            is_emergency=call.direction is CallDirection.OUTGOING and self._is_emergency(call.party.number),
            is_talk=call.is_talk and not self._is_busy(call.call_id),
            was_asked=progress.was_asked,
            changed_s=None if changed_at_s is None else time.monotonic() - changed_at_s,
        )

    def _ask_for_opus(self, call: "SipCall", progress: _Progress) -> None:
        progress.was_asked = progress.awaits_answer = True
        try:
            call.reinvite(call.our_offer())
        except pjsua2.Error as error:
            # Another re-INVITE is under way, theirs or ours (RFC 3261 section 14.1): nothing was sent.
            _log.info("The line of a call needs another codec, but is busy: %s.", error.reason)
            progress.was_asked = progress.awaits_answer = False
            return
        _log.info("The line of a call loses packets; the other end is asked to go on in Opus.")


def _counts(call: "SipCall") -> LineCounts | None:
    try:
        # What it has in it is part of it, and goes with it.
        statistics = call.getStreamStat(call.audio_index)
    except pjsua2.Error:
        return None  # between two streams
    reports, losses = statistics.rtcp, call.far_losses()
    round_trip = reports.rttUsec
    return LineCounts(
        received=int(reports.rxStat.pkt),
        missing=int(reports.rxStat.loss),
        sent=int(reports.txStat.pkt),
        missed=losses.lost if losses is not None else 0,
        reports=losses.reports if losses is not None else 0,
        round_trip_ms=round_trip.last / 1000 if round_trip.n else None,
    )
