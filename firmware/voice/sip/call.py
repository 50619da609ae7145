"""One call as pjsua2 knows it, translated into the phone's words."""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pjsua2

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import AudioTrouble, CallerId, CallId, CallQuality, CallState, SipUri
from firmware.phone.news import CallAudioChanged, CallStateChanged, RecordingSignalled
from firmware.phone.recording import RecordingSign
from firmware.voice.sip import native
from firmware.voice.sip.account import SipAccount
from firmware.voice.sip.audio_reach import SETTLED_S, AudioReach, ReachCounts
from firmware.voice.sip.identity import ReceivedMessage, is_answered_elsewhere, q850_cause, received
from firmware.voice.sip.mapping import disconnect_reason, status_code
from firmware.voice.sip.native import guarded
from firmware.voice.sip.quality_meter import FarCount, FarLosses, QualityMeter, StreamCounts, counts_of
from firmware.voice.sip.recording_signs import RecordingSigns, is_record_aware, put_sign, read_signs
from firmware.voice.sip.scheduler import Appointment
from firmware.voice.sip.settings import AccountSettings
from provisioning.sip_choices import Transport

if TYPE_CHECKING:
    from firmware.voice.sip.calls import Calls

_FINAL: Final = 200  # RFC 3261 section 21: responses from here on are final
_REFUSED: Final = 300
_REQUEST_PENDING: Final = 491
_NOT_SENT: Final = frozenset({502, 503})  # what pjsip makes up where no connection is to be had
_DECLINED: Final = 603
_CHALLENGES: Final = frozenset({401, 407})
_READ: Final = frozenset({"INVITE", "UPDATE", "CANCEL"})
_CONTACT_HOST = re.compile(r"sips?:(?:[^@>;]*@)?(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))", re.IGNORECASE)
_DTLS: Final = 1 << 3  # PJMEDIA_TP_PROTO_DTLS in pjmedia/types.h
_ENCRYPTED = re.compile(r"SRTP status:\s*Active", re.IGNORECASE)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OutgoingInvitation:
    """What a call of ours began with.

    Attributes:
        uri: whom it is for.
        anonymous: it withholds who calls.
        tries: how many came to nothing before it.
    """

    uri: SipUri
    anonymous: bool
    tries: int


class SipCall(pjsua2.Call):  # type: ignore[misc]  # pjsua2 has no types
    """A call from the first message until the library has let go of it.

    It must not be part of a reference cycle: what pjsua2 made has to go on the `sip` thread, before the library does.
    """

    def __init__(
        self,
        calls: "Calls",
        account: SipAccount,
        call_id: CallId,
        direction: CallDirection,
        pj_call_id: int | None = None,
        *,
        caller: Any = None,
    ) -> None:
        if pj_call_id is None:
            super().__init__(caller or account)
        else:
            super().__init__(account, pj_call_id)
        self._calls = calls
        self.account = account
        self.call_id = call_id
        self.direction = direction
        self.party = CallerId(number="")
        self.invitation: OutgoingInvitation | None = None
        # The INVITE of a call that came in.
        self.offer = ""
        self.answered = False
        self.wants_hold = False
        # Text is part of what we offer: the person asked for it, or it has been agreed on.
        self.wants_text = False
        # What the other end is told of a recording at this one; None where there never was any.
        self.recording_sign: RecordingSign | None = None
        self.peer_is_record_aware = False
        self.glares_left = 0
        self.ending: DisconnectReason | None = None
        self.media_changed_at = 0.0
        self.audio_index = 0
        self._sound: Any = None
        self._meter = QualityMeter()
        self._far_count = FarCount()
        self._reach = AudioReach()
        self._trouble: AudioTrouble | None = None
        # Address of the library's pjmedia_stream; 0 without one.
        self._stream = 0
        self._stream_began_at = 0.0
        self._encrypted = False
        self._told: CallState | None = None
        self._packets_received = 0
        self._told_audio = (False, False)
        self._signs = self._told_signs = RecordingSigns()
        self._patience: Appointment | None = None

    @property
    def account_settings(self) -> AccountSettings:
        """The settings of the account that the call belongs to."""
        return self.account.settings

    @property
    def is_over(self) -> bool:
        """The phone has been told that it is over."""
        return self._told is CallState.DISCONNECTED

    @property
    def is_in_progress(self) -> bool:
        """The other end has shown a sign of life."""
        return self._told in {CallState.ALERTING, CallState.ACTIVE, CallState.HELD}

    @property
    def is_known(self) -> bool:
        """The library has a number for it; it aborts the process when asked about a call without one."""
        number = self.getId()
        # The library may have given the number to another call by now.
        return number != pjsua2.PJSUA_INVALID_ID and pjsua2.Call.lookup(number) is self

    @property
    def awaits_reply(self) -> bool:
        """It is given up unless the other end says something."""
        return self._patience is not None

    def await_reply(self, patience: Appointment) -> None:
        """Take what gives the call up, to be cancelled by the other end's next word."""
        self._patience = patience

    def reply_came(self) -> None:
        """Stop waiting for the other end's word."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    @property
    def codec(self) -> str:
        """What is spoken in it, by the name of the RTP format in small letters; empty where there is no stream."""
        if not self.is_known:
            return ""
        try:
            return str(self.getStreamInfo(self.audio_index).codecName).lower()
        except pjsua2.Error:
            return ""

    @property
    def offered_text(self) -> bool:
        """The other end's last offer has real-time text in it."""
        return bool(self.getInfo().remTextCount)

    def our_offer(self) -> Any:
        """Return what the library is to offer in this call (pjsua2's CallOpParam)."""
        parameters = pjsua2.CallOpParam(True)
        parameters.opt.textCount = int(self.wants_text)
        return parameters

    @property
    def is_talk(self) -> bool:
        """Both ends send to each other."""
        return self.answered and not self.is_over and not self.wants_hold and self._told_audio == (True, True)

    @property
    def contact_host(self) -> str:
        """The host that the other end says it can be reached at."""
        found = _CONTACT_HOST.search(str(self.getInfo().remoteContact))
        return (found[1] or found[2]) if found else ""

    def has_fallen_silent(self) -> bool:
        """Say whether neither RTP nor RTCP has come since the last time, though it should have."""
        if not self._told_audio[0]:
            return False
        whole = self.getStreamStat(self.audio_index)  # what is in it goes when it goes
        statistics = whole.rtcp
        # Every RTCP report from the peer updates what it knows of our sending.
        packets = int(statistics.rxStat.pkt) + int(statistics.txStat.updateCount)
        silent = packets == self._packets_received
        self._packets_received = packets
        return silent

    def measure(self) -> CallQuality | None:
        """Return how it sounds, None where it never had a sound."""
        running = self._running_counts()
        if running is not None and not self._encrypted:
            # DTLS agrees on keys a moment after the answer.
            self._encrypted = self._finds_encryption()
        return self._meter.measure(running, encrypted=self._encrypted, trouble=self._trouble)

    def judge_audio(self, *, shut_out: bool) -> None:
        """Find out whether somebody hears nothing; the next turn is some seconds later.

        Args:
            shut_out: the firewall was asked to let its audio through and has not done so.
        """
        counts = None
        if self.is_talk and time.monotonic() - self._stream_began_at >= SETTLED_S:
            counts = self._reach_counts()
        self._trouble = None if counts is None else self._reach.judge(counts, shut_out=shut_out)

    def far_losses(self) -> FarLosses | None:
        """Return what the other end says that it lost of the running stream, None where it has said nothing."""
        return self._far_count.read(native.far_report(self._stream))

    def already_told(self, state: CallState) -> None:
        """Note that the phone has been told this about the call, by an earlier try."""
        self._told = state

    def tell(self, state: CallState, reason: DisconnectReason | None = None, sip_code: int = 0) -> None:
        """Tell the phone about a new state, once, and nothing more once it is over."""
        if state is self._told or self.is_over:
            return
        self._told = state
        self._calls.call_changed(CallStateChanged(self.call_id, state, reason, status_code(sip_code)))

    def show_sound(self) -> None:
        """Tell the mixer what place in the conference bridge the call has."""
        self._calls.mixer.set_sound(self.call_id, None if self.wants_hold else self._sound)

    def read_recording_signs(self, message: str) -> None:
        """Take what a message of the other end's says about recording."""
        self.peer_is_record_aware = self.peer_is_record_aware or is_record_aware(message)
        if (signs := read_signs(message)) is not None:
            self._signs = signs
            self._tell_signs()

    def _tell_signs(self) -> None:
        if self.answered and self._signs != self._told_signs:
            self._told_signs = self._signs
            self._calls.call_changed(RecordingSignalled(self.call_id, self._signs.records, self._signs.preference))

    # --- callbacks ---------------------------------------------------------------------------------------------------

    @guarded
    def onCallState(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Follow the INVITE session's state."""
        info = self.getInfo()
        state = info.state
        if state == pjsua2.PJSIP_INV_STATE_CALLING:
            self.tell(CallState.DIALING)
        elif state == pjsua2.PJSIP_INV_STATE_EARLY:
            if self.direction is CallDirection.OUTGOING:
                self.reply_came()
                self.tell(CallState.ALERTING)
        elif state == pjsua2.PJSIP_INV_STATE_CONFIRMED:
            if not self.answered:
                self.answered = True
                self._calls.call_answered(self.call_id)
            self.reply_came()
            self.tell(CallState.ACTIVE)
            self._tell_signs()
        elif state == pjsua2.PJSIP_INV_STATE_DISCONNECTED:
            self._disconnected(int(info.lastStatusCode), parameters)

    def _disconnected(self, sip_code: int, parameters: Any) -> None:
        from_peer = parameters.e.body.tsxState.type == pjsua2.PJSIP_EVENT_RX_MSG
        unsent = not from_peer and sip_code in _NOT_SENT and not self.is_in_progress and not self.answered
        if unsent and self._calls.outgoing.try_elsewhere(self, has_failed=True):
            self._calls.call_over(self.call_id)
            return
        reason = self.ending or disconnect_reason(
            sip_code,
            from_peer=from_peer,
            answered=self.answered,
            incoming=self.direction is CallDirection.INCOMING,
            encryption_required=self.account_settings.srtp.is_mandatory,
            cause=q850_cause(received(parameters.e.body.tsxState.src.rdata).text) if from_peer else 0,
        )
        self.tell(CallState.DISCONNECTED, reason, sip_code if from_peer else 0)
        self._calls.call_over(self.call_id)

    @guarded
    def onCallTsxState(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Notice signs of life that change no state, who is there, and what became of our own re-INVITEs."""
        event = parameters.e.body.tsxState
        transaction = event.tsx
        method = str(transaction.method)
        if event.type != pjsua2.PJSIP_EVENT_RX_MSG:
            if transaction.role == pjsua2.PJSIP_ROLE_UAC and method == "INVITE" and transaction.statusCode >= _FINAL:
                # An answer that the library made up: nothing came.
                self._calls.codecs.reinvite_answered(self.call_id)
            return
        if method in _READ:
            message = received(event.src.rdata)
            self._read(method, message)
        if transaction.role != pjsua2.PJSIP_ROLE_UAC:
            return
        code = int(transaction.statusCode)
        if method == "INVITE" and _FINAL <= code < _REFUSED:
            self._calls.texts.answered(self, message.text)
        # For an INVITE the proxy's 100 Trying will do, since the server lives; within the call only the peer counts,
        # and 408 and 481 say that it is not there.
        if method == "INVITE" or (code >= _FINAL and code not in {408, 481, 503}):
            self.reply_came()
        if method == "INVITE" and self.answered and code >= _FINAL and code not in _CHALLENGES:
            if self._calls.codecs.reinvite_answered(self.call_id) or code < _REFUSED:
                return
            if code == _REQUEST_PENDING:
                self._calls.holding.met(self.call_id)
            else:
                self._calls.texts.refused(self)
                self._calls.holding.refused(self.call_id)

    def _read(self, method: str, message: ReceivedMessage) -> None:
        """Take what a message says beside its place in a transaction."""
        if method == "CANCEL":
            if is_answered_elsewhere(message.text):
                self.ending = DisconnectReason.ANSWERED_ELSEWHERE
            return
        self._calls.party_told(self.call_id, message)
        self.read_recording_signs(message.text)
        self._calls.codecs.message_came(self, message.text)

    @guarded
    def onCallSdpCreated(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Say in each of our session descriptions which codec suits the line, and whether the call is recorded here.

        The latter is RFC 7866 section 6.1.2.
        """
        offer = parameters.remSdp.pjSdpSession
        self._calls.codecs.describe(self, int(offer) if offer is not None else None, int(parameters.sdp.pjSdpSession))
        if (sign := self.recording_sign) is not None:
            is_paused = sign is RecordingSign.ON and self.wants_hold
            put_sign(int(parameters.sdp.pjSdpSession), RecordingSign.PAUSED if is_paused else sign)

    @guarded
    def onCallMediaState(self, _parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Follow what the last offer and answer agreed on."""
        self.media_changed_at = time.monotonic()
        info = self.getInfo()
        self._calls.texts.media_changed(self, info)
        receiving = sending = held_here = False
        self._sound = None
        for media in info.media:
            if media.type != pjsua2.PJMEDIA_TYPE_AUDIO:
                continue
            self.audio_index = int(media.index)
            held_here = media.status == pjsua2.PJSUA_CALL_MEDIA_LOCAL_HOLD
            if media.status in {pjsua2.PJSUA_CALL_MEDIA_ACTIVE, pjsua2.PJSUA_CALL_MEDIA_REMOTE_HOLD}:
                receiving = bool(media.dir & pjsua2.PJMEDIA_DIR_DECODING)
                sending = bool(media.dir & pjsua2.PJMEDIA_DIR_ENCODING)
                if media.audioConfSlot >= 0:
                    self._sound = self.getAudioMedia(media.index)
            break
        self._encrypted = self._finds_encryption()
        self.show_sound()
        if (receiving, sending) != self._told_audio:
            self._told_audio = (receiving, sending)
            self._calls.call_changed(CallAudioChanged(self.call_id, receiving, sending))
        self._calls.codecs.media_changed(self)
        if self.answered:
            self.tell(CallState.HELD if held_here or self.wants_hold else CallState.ACTIVE)

    @guarded
    def onStreamPreCreate(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Say whose audio there will be: the stream sends its first report as it begins."""
        if parameters.streamInfo.type == pjsua2.PJMEDIA_TYPE_AUDIO:
            host, _, _ = str(parameters.streamInfo.remoteRtpAddress).rpartition(":")
            self._calls.stream_begins(self, host)

    @guarded
    def onStreamCreated(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Say that there is a stream, over which nothing has come yet."""
        self._stream = int(parameters.stream)
        self._stream_began_at = time.monotonic()
        self._reach.stream_began()
        native.library().wecall_report_begin(self._stream)
        self._calls.stream_began(self, self._stream)

    @guarded
    def onStreamDestroyed(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Keep what a stream has seen; it goes when this has returned."""
        self._calls.line_control.stream_ended(self)
        counts = self._running_counts()
        if counts is not None:
            self._meter.stream_ended(counts)
        self._far_count.stream_ended(native.far_report(self._stream))
        native.library().wecall_report_end(int(parameters.stream))
        self._stream = 0

    @guarded
    def onInstantMessage(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Pass on a text that came within the call."""
        self._calls.engine.texts.take(received(parameters.rdata), str(parameters.msgBody))

    @guarded
    def onCallTransferStatus(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Follow the call that the other end was asked to make."""
        final = bool(parameters.finalNotify)
        self._calls.transfers.status_told(self.call_id, int(parameters.statusCode), final=final)

    def onCallTransferRequest(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Call somebody else at the other end's wish, or refuse to."""
        _hand_over(parameters, lambda: self._calls.replacements.transfer_wanted(self, str(parameters.dstUri)))

    def onCallReplaceRequest(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Let somebody take the other end's place, or refuse to."""
        _hand_over(parameters, lambda: self._calls.replacements.replacement_wanted(self, received(parameters.rdata)))

    def _finds_encryption(self) -> bool:
        """Say whether what is sent can be read only by the other end.

        The fingerprint that DTLS is checked by is worth what the signalling is that brought it (RFC 5763 section 5).
        """
        if not _ENCRYPTED.search(self.dump(True, "")):
            return False
        try:
            is_dtls = bool(int(self.getStreamInfo(self.audio_index).proto) & _DTLS)
        except pjsua2.Error:
            return False  # there is no stream, whatever its keys are
        return not is_dtls or self.account_settings.transport is Transport.TLS

    def _running_counts(self) -> StreamCounts | None:
        if not (self.is_known and self._stream):
            return None
        try:
            statistics, info = self.getStreamStat(self.audio_index), self.getStreamInfo(self.audio_index)
        except pjsua2.Error:
            return None  # there is no stream: on hold, before the answer, or after the end
        line, told = native.look_at_line(self._stream), native.far_report(self._stream)
        return counts_of(statistics, info, line, told, self.far_losses())

    def _reach_counts(self) -> ReachCounts | None:
        report = native.far_report(self._stream)
        if report is None or not self.is_known:
            return None
        try:
            whole = self.getStreamStat(self.audio_index)  # what is in it goes when it goes
        except pjsua2.Error:
            return None
        return ReachCounts(
            received=int(whole.rtcp.rxStat.pkt),
            sent=int(whole.rtcp.txStat.pkt),
            forbidden=native.look_at_line(self._stream).forbidden,
            told=report.told,
            highest=report.highest,
            far_sent=report.far_sent,
            sent_then=report.sent,
            received_then=report.received,
        )


def _hand_over(parameters: Any, judge: Callable[[], SipCall | None]) -> None:
    """Give the library the call that takes another's place, where it may be."""
    # Whatever fails in here, the library must not take the request for accepted.
    code, parameters.statusCode = parameters.statusCode, _DECLINED
    try:
        successor = judge()
    except Exception:  # noqa: BLE001 - whatever it is, it must not reach C frames
        _log.exception("A wish to hand a call over could not be judged; it was refused.")
        return
    if successor is not None:
        parameters.newCall = successor
        parameters.statusCode = code


def add_header(options: Any, name: str, value: str) -> None:
    """Add a header to what a request or an answer is sent with (pjsua2's SipTxOption)."""
    header = pjsua2.SipHeader()
    header.hName, header.hValue = name, value
    options.headers.append(header)
