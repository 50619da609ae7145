"""What the phone asks of its calls, and what the library tells about them. Lives on the `sip` thread."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import pjsua2

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallState, RejectReason, SipUri
from firmware.phone.key import Key
from firmware.phone.news import (
    CallAudioChanged,
    CallPartyChanged,
    CallQualityMeasured,
    CallStateChanged,
    RecordingSignalled,
    VoiceNews,
)
from firmware.phone.recording import RecordingSign
from firmware.voice.sip import native
from firmware.voice.sip.account import SipAccount
from firmware.voice.sip.addresses import is_elsewhere
from firmware.voice.sip.call import OutgoingInvitation, SipCall
from firmware.voice.sip.call_table import CallTable
from firmware.voice.sip.dtmf import DigitSender
from firmware.voice.sip.hold import HoldControl
from firmware.voice.sip.identity import Headers, ReceivedMessage, asserted_identity
from firmware.voice.sip.incoming import IncomingCalls
from firmware.voice.sip.jitter import JitterControl
from firmware.voice.sip.mixer import Mixer
from firmware.voice.sip.outgoing import NO_REPLY_S, CallServers, OutgoingCalls
from firmware.voice.sip.replacement import Replacements
from firmware.voice.sip.scheduler import Scheduler
from firmware.voice.sip.settings import JitterBufferSettings
from firmware.voice.sip.transfer import Transfers

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


class Calls:
    """Places, takes and ends calls, and tells the phone what becomes of them: implements `call.CallOwner`.

    Each of its parts does one thing with the calls; the table alone has them.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        post: Callable[[VoiceNews], None],
        mixer: Mixer,
        when_changed: Callable[[bool], None],
        *,
        silence_s: float,
        max_calls: int,
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
            scheduler: the thread's timers.
            post: takes what the phone should know.
            mixer: connects the calls with the handset.
            when_changed: is told whether there are calls, when that may have changed.
            silence_s: how long nothing may be heard in a call before the other end is asked whether it is there.
            max_calls: callers beyond are told that the line is busy.
            rate_hz: of the conference bridge.
            jitter_buffer: its limits.
            allows: whether the other end of a call may send this handset to a number.
            is_trusted: whether what comes from an address is believed about who calls.
            own_hosts: the names and addresses that an account's numbers stand at.
            text_arrived: takes a text that came within a call.
            servers: what an account can do about a server that leaves a call unanswered.
        """
        self._post = post
        self._mixer = mixer
        self._is_trusted = is_trusted
        self.text_arrived = text_arrived
        self._table = table = CallTable(scheduler, self, when_changed, self._forget, max_calls=max_calls)
        self._outgoing = OutgoingCalls(scheduler, table, post, mixer, servers)
        self._incoming = IncomingCalls(scheduler, table, post, mixer, is_trusted)
        self._digits = DigitSender(scheduler, table.find, rate_hz)
        self._holding = HoldControl(scheduler, table.find, mixer)
        self._jitter = JitterControl(scheduler, table.find, jitter_buffer)
        self._transfers = Transfers(scheduler, table.find, post, table.end_by_id)
        self._replacements = Replacements(
            scheduler, table, post, mixer, self._outgoing, allows=allows, is_trusted=is_trusted, own_hosts=own_hosts
        )
        self._watch = CallWatch(scheduler, table, post, silence_s=silence_s)

    @property
    def is_empty(self) -> bool:
        """The library has let go of every call."""
        return not self._table

    # --- what the phone asks for -------------------------------------------------------------------------------------

    def place(self, account: SipAccount, call_id: CallId, uri: SipUri, *, anonymous: bool = False) -> None:
        """Send an INVITE, a moment later where too many calls were made at once.

        Args:
            account: whose call it is.
            call_id: names it.
            uri: whom to call.
            anonymous: withhold who calls.
        """
        self._outgoing.place(account, call_id, OutgoingInvitation(uri, anonymous, tries=0))

    def signal_ringing(self, call_id: CallId) -> None:
        """Send 180."""
        self._incoming.signal_ringing(call_id)

    def answer(self, call_id: CallId) -> None:
        """Send 200."""
        self._incoming.answer(call_id)

    def reject(self, call_id: CallId, reason: RejectReason) -> None:
        """Send the reason's final response."""
        self._incoming.reject(call_id, reason)

    def redirect(self, call_id: CallId, uri: SipUri) -> None:
        """Send 302 with whom to call instead."""
        self._incoming.redirect(call_id, uri)

    def hang_up(self, call_id: CallId) -> None:
        """End a call in whatever state it is."""
        if self._outgoing.cancel_postponed(call_id):
            return
        call = self._table.get(call_id)
        if call is None or call.is_over:
            return
        if call.answered:
            self._table.end(call, DisconnectReason.LOCAL_HANGUP)
        elif call.direction is CallDirection.OUTGOING:
            self._table.end(call, DisconnectReason.CANCELLED)
        else:
            self._table.end(call, DisconnectReason.REJECTED)

    def hold(self, call_id: CallId) -> None:
        """Ask the far end to stop sending."""
        self._holding.hold(call_id)

    def resume(self, call_id: CallId) -> None:
        """Undo hold."""
        self._holding.resume(call_id)

    def signal_recording(self, call_id: CallId, sign: RecordingSign) -> None:
        """Tell the far end whether the call is recorded here, where it understands that (RFC 7866 section 6.1.2)."""
        call = self._table.find(call_id)
        if call is None or call.is_over or call.recording_sign is sign:
            return
        call.recording_sign = sign
        if call.peer_is_record_aware:
            self._holding.describe_anew(call_id)

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
        members = [call_id for call_id in call_ids if self._is_answered(call_id)]
        self._mixer.join(members)
        for call_id in members:
            self._holding.resume(call_id)

    def split(self) -> None:
        """Undo join."""
        self._mixer.split()

    def hang_up_all(self) -> None:
        """End every call."""
        for call_id in [*self._outgoing.postponed, *self._table]:
            self.hang_up(call_id)

    def clear(self) -> None:
        """Let go of every call; the library is about to be destroyed."""
        self._mixer.close()
        self._digits.clear()
        self._jitter.clear()
        self._table.clear()

    def _is_answered(self, call_id: CallId) -> bool:
        call = self._table.get(call_id)
        return call is not None and call.answered

    def _forget(self, call_id: CallId) -> None:
        self._mixer.forget(call_id)
        self._digits.forget(call_id)
        self._transfers.forget(call_id)
        self._replacements.forget(call_id)

    # --- what the library tells --------------------------------------------------------------------------------------

    def take(self, account: SipAccount, pj_call_id: int, message: ReceivedMessage) -> None:
        """Hear of a new caller."""
        self._incoming.take(account, pj_call_id, message)

    def refused_by_library(self, account: SipAccount, message: ReceivedMessage, sip_code: int) -> None:
        """Hear of a caller whom the library has turned away by itself."""
        self._incoming.refused_by_library(account, message, sip_code)

    def call_changed(self, event: CallStateChanged | CallAudioChanged | RecordingSignalled) -> None:
        """Pass on what became of a call, unless the phone never heard of it."""
        if not self._incoming.is_announced(event.call_id):
            return
        if isinstance(event, CallStateChanged) and event.state is CallState.DISCONNECTED:
            if event.reason is None:
                return
            self._watch.tell_quality(event.call_id)
        self._post(event)

    def call_answered(self, call_id: CallId) -> None:
        """Begin to watch over the call, which may have taken another's place."""
        self._watch.call_answered(call_id)
        self._replacements.call_answered(call_id)

    def call_not_sent(self, call: SipCall) -> bool:
        """Hear that a call's INVITE did not get through; True where it is tried again."""
        return self._outgoing.try_elsewhere(call, has_failed=True)

    def call_over(self, call_id: CallId) -> None:
        """Drop the call once its own callback has returned."""
        # At once: asked to disconnect a sound that it has taken away already, pjsua2 2.15.1 cuts others off as well.
        self._mixer.forget(call_id)
        self._table.drop_soon(call_id)

    def sound_changed(self, call_id: CallId, sound: Any) -> None:
        """Connect the call's new place in the conference bridge."""
        self._mixer.set_sound(call_id, sound)

    def stream_began(self, call: SipCall, address: int) -> None:
        """Say where its audio may come from, and follow the line with its jitter buffer."""
        host = call.contact_host
        if is_elsewhere(host):
            native.library().wecall_media_name(address, host.encode())
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
        call = self._table.get(call_id)
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
        """Call whom the other end names, or refuse to."""
        return self._replacements.transfer_wanted(call, target)

    def replacement_wanted(self, call: SipCall, message: ReceivedMessage) -> SipCall | None:
        """Let somebody take the other end's place, or refuse to."""
        return self._replacements.replacement_wanted(call, message)
