"""What the phone asks of its calls, and what the library tells about them. Lives on the `sip` thread."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pjsua2

from contract.calls import CallDirection, DisconnectReason
from firmware.base.interfaces import canonical, is_elsewhere
from firmware.phone import orders as o
from firmware.phone.call import CallId, CallState
from firmware.phone.news import (
    CallAudioChanged,
    CallPartyChanged,
    CallQualityMeasured,
    CallStateChanged,
    CallTextChanged,
    CallTextReceived,
    RecordingSignalled,
    VoiceNews,
)
from firmware.phone.orders import LineOrder
from firmware.phone.recording import RecordingSign
from firmware.voice.sip import native
from firmware.voice.sip.call import SipCall
from firmware.voice.sip.call_table import CallTable
from firmware.voice.sip.codec_order import CodecOrder
from firmware.voice.sip.described import DescribedAudio
from firmware.voice.sip.dtmf import DigitSender
from firmware.voice.sip.hold import HoldControl
from firmware.voice.sip.identity import Headers, ReceivedMessage, asserted_identity
from firmware.voice.sip.incoming import IncomingCalls
from firmware.voice.sip.mixer import Mixer
from firmware.voice.sip.outgoing import NO_REPLY_S, OutgoingCalls
from firmware.voice.sip.real_time_text import RealTimeText
from firmware.voice.sip.redundancy import LineControl
from firmware.voice.sip.scheduler import Scheduler
from firmware.voice.sip.transfer import Replacements, Transfers

if TYPE_CHECKING:
    from firmware.voice.sip.engine import Engine

QUALITY_S: Final = 5.0


class CallWatch:
    """Tells how calls sound, and ends those whose other end has gone without a farewell."""

    def __init__(
        self,
        scheduler: Scheduler,
        calls: CallTable,
        post: Callable[[VoiceNews], None],
        described: DescribedAudio,
        *,
        silence_s: float,
    ) -> None:
        """Set up without a call.

        Args:
            scheduler: the thread's timers.
            calls: all there are.
            post: takes what the phone should know.
            described: knows whose audio the firewall does not let through.
            silence_s: how long nothing may be heard in a call before the other end is asked whether it is there.
        """
        self._scheduler = scheduler
        self._calls = calls
        self._post = post
        self._described = described
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
        call.judge_audio(shut_out=self._described.shuts_out(call_id))
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
    """Places, takes and ends calls, and tells the phone what becomes of them.

    Each of its parts does one thing with the calls; the table alone has them. A call tells its news to them.
    """

    def __init__(
        self,
        engine: "Engine",
        scheduler: Scheduler,
        post: Callable[[VoiceNews], None],
        mixer: Mixer,
        when_changed: Callable[[bool], None],
    ) -> None:
        """Set up without a call.

        Args:
            engine: knows the accounts and their servers, and takes texts that come within calls.
            scheduler: the thread's timers.
            post: takes what the phone should know.
            mixer: connects the calls with the handset.
            when_changed: is told whether there are calls, when that may have changed.
        """
        self.engine = engine
        self._post = post
        self.mixer = mixer
        self._table = table = CallTable(
            scheduler, self, when_changed, self._forget, max_calls=engine.settings.max_calls
        )
        self.outgoing = OutgoingCalls(scheduler, table, post, mixer, engine)
        self.incoming = IncomingCalls(scheduler, table, post, mixer, engine)
        self._digits = DigitSender(scheduler, table.find, engine.settings.clock_rate_hz)
        self.holding = HoldControl(scheduler, table.find, mixer)
        self.texts = RealTimeText(scheduler, table.find, self.call_changed, self.holding)
        self.line_control = LineControl(scheduler, table.find, engine.settings.redundancy)
        self.transfers = Transfers(scheduler, table.find, post, table.end_by_id)
        self.codecs = CodecOrder(
            scheduler,
            table.find,
            applies=lambda: engine.orders_codecs_by_line,
            is_emergency=engine.settings.is_emergency,
            is_busy=lambda call_id: self.transfers.is_asked(call_id) or self._digits.is_sending(call_id),
        )
        self.replacements = Replacements(scheduler, table, post, mixer, self.outgoing, engine=engine)
        self._described = DescribedAudio(scheduler, post, Path(engine.settings.media_door))
        self._watch = CallWatch(scheduler, table, post, self._described, silence_s=engine.settings.media_silence_s)

    @property
    def is_empty(self) -> bool:
        """The library has let go of every call."""
        return not self._table

    # --- what the phone asks for -------------------------------------------------------------------------------------

    def do(self, order: LineOrder) -> None:  # noqa: C901, PLR0912 - one flat table: a case for each order
        """Do something with a call that there is."""
        match order:
            case o.SignalRinging(call_id):
                self.incoming.signal_ringing(call_id)
            case o.AnswerCall(call_id):
                self.incoming.answer(call_id)
            case o.RejectCall(call_id, reason):
                self.incoming.reject(call_id, reason)
            case o.RedirectCall(call_id, uri):
                self.incoming.redirect(call_id, uri)
            case o.HoldCall(call_id):
                self.holding.hold(call_id)
            case o.ResumeCall(call_id):
                self.holding.resume(call_id)
            case o.TransferCall(call_id, uri):
                self.transfers.transfer(call_id, uri)
            case o.TransferToCall(call_id, other_call_id):
                self.transfers.transfer_to_call(call_id, other_call_id)
            case o.JoinCalls(call_ids):
                self._join(call_ids)
            case o.SplitCalls():
                self.mixer.split()
            case o.SendDtmf(call_id, key):
                self._digits.send(call_id, key)
            case o.OpenText(call_id):
                self.texts.open(call_id)
            case o.WriteText(call_id, text):
                self.texts.write(call_id, text)
            case o.SignalRecording(call_id, sign):
                self._signal_recording(call_id, sign)

    def hang_up(self, call_id: CallId) -> None:
        """End a call in whatever state it is."""
        if self.outgoing.cancel_postponed(call_id):
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

    def _signal_recording(self, call_id: CallId, sign: RecordingSign) -> None:
        """Tell the far end whether the call is recorded here, where it understands that (RFC 7866 section 6.1.2)."""
        call = self._table.find(call_id)
        if call is None or call.is_over or call.recording_sign is sign:
            return
        call.recording_sign = sign
        if call.peer_is_record_aware:
            self.holding.describe_anew(call_id)

    def _join(self, call_ids: Sequence[CallId]) -> None:
        """Let these calls hear each other, taken back from hold first."""
        members = [call_id for call_id in call_ids if self._is_answered(call_id)]
        self.mixer.join(members)
        for call_id in members:
            self.holding.resume(call_id)

    def hang_up_all(self) -> None:
        """End every call."""
        for call_id in [*self.outgoing.postponed, *self._table]:
            self.hang_up(call_id)

    def clear(self) -> None:
        """Let go of every call; the library is about to be destroyed."""
        self.mixer.close()
        self._digits.clear()
        self.line_control.clear()
        self.codecs.clear()
        self._table.clear()

    def _is_answered(self, call_id: CallId) -> bool:
        call = self._table.get(call_id)
        return call is not None and call.answered

    def _forget(self, call_id: CallId) -> None:
        self.mixer.forget(call_id)
        self._digits.forget(call_id)
        self.texts.forget(call_id)
        self.codecs.forget(call_id)
        self.transfers.forget(call_id)
        self.replacements.forget(call_id)

    # --- what the library tells --------------------------------------------------------------------------------------

    def call_changed(
        self, event: CallStateChanged | CallAudioChanged | CallTextChanged | CallTextReceived | RecordingSignalled
    ) -> None:
        """Pass on what became of a call, unless the phone never heard of it."""
        if not self.incoming.is_announced(event.call_id):
            return
        if isinstance(event, CallStateChanged) and event.state is CallState.DISCONNECTED:
            if event.reason is None:
                return
            self._watch.tell_quality(event.call_id)
        self._post(event)

    def call_answered(self, call_id: CallId) -> None:
        """Begin to watch over the call, which may have taken another's place."""
        self._watch.call_answered(call_id)
        self.replacements.call_answered(call_id)

    def call_over(self, call_id: CallId) -> None:
        """Drop the call once its own callback has returned."""
        # At once: asked to disconnect a sound that it has taken away already, pjsua2 2.15.1 cuts others off as well.
        self.mixer.forget(call_id)
        self._described.end(call_id)
        self._table.drop_soon(call_id)

    def stream_begins(self, call: SipCall, described: str) -> None:
        """Have audio let through that goes to an address, which the other end's description names; empty for none."""
        if is_elsewhere(described) and not self.engine.is_known(described):
            self._described.begin(call.call_id, canonical(described))
        else:
            self._described.end(call.call_id)

    def stream_began(self, call: SipCall, address: int) -> None:
        """Say where its audio may come from, and follow its line.

        Args:
            call: whose.
            address: of the library's pjmedia_stream.
        """
        host = call.contact_host
        if is_elsewhere(host):
            native.library().wecall_media_name(address, host.encode())
        self.line_control.stream_began(call, address)
        if call.is_talk:
            # Another stream has ended just now, and nothing has come over this one yet.
            native.library().wecall_carry_on()
        self.codecs.stream_began(call)

    def party_told(self, call_id: CallId, message: ReceivedMessage) -> None:
        """Notice that a server says who is at the other end, and that it is somebody else than was known."""
        call = self._table.get(call_id)
        if call is None or not self.engine.is_trusted(message.source):
            return
        party = asserted_identity(Headers(message.text))
        if party is None or (party.number, party.display_name) == (call.party.number, call.party.display_name):
            return
        call.party = party
        self._post(CallPartyChanged(call_id, party))
