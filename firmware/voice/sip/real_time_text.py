"""Real-time text in calls (RFC 4103): letters as they are typed, beside the sound. Lives on the `sip` thread."""

import ctypes
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pjsua2

from firmware.phone.call import CallId
from firmware.phone.news import CallTextChanged, CallTextReceived
from firmware.voice.sip import native
from firmware.voice.sip.call import SipCall
from firmware.voice.sip.hold import HoldControl
from firmware.voice.sip.scheduler import Appointment, Scheduler
from firmware.voice.sip.t140 import BACKSPACE, LOST, Receiver, Sender

BUFFERING_S: Final = 0.3
"""So long letters are gathered into one packet (RFC 4103 section 5.2)."""
# Right after an answer that names several codecs pjsua settles on one with a re-INVITE.
_SETTLE_S: Final = 0.4
_PATIENCE_S: Final = 4.0
_TRIES: Final = 2
_LONGEST_GAP_MS: Final = 0xFFFFFF
# The phone takes so much news of one call and no more (firmware/voice/news_gate.py).
_PACE_S: Final = 0.25
_MOST_AT_ONCE: Final = 400
_MOST_UNSAID: Final = 4000
_CLOSED: Final = re.compile(r"^m=text 0 ", re.MULTILINE | re.IGNORECASE)
_ROOM: Final = 1200  # bytes of a packet; MOST_BYTES of engine/native/text.c


@dataclass(slots=True)
class _Talk:
    """The text of one call.

    Attributes:
        sender, receiver: what is typed here, and there.
        sent_s: when the last packet was sent; -inf before the first.
        sending: the next packet.
        waiting: gives up what is missing.
        unsaid: what the phone has yet to hear, and how many letters it is to take back before.
        saying: the next word to the phone.
    """

    sender: Sender
    receiver: Receiver
    sent_s: float = float("-inf")
    sending: Appointment | None = None
    waiting: Appointment | None = None
    unsaid: list[str] = field(default_factory=list)
    erased: int = 0
    saying: Appointment | None = None


class RealTimeText:
    """Offers text, sends what is typed and tells the phone what comes."""

    def __init__(
        self,
        scheduler: Scheduler,
        find: Callable[[CallId], SipCall | None],
        tell: Callable[[CallTextChanged | CallTextReceived], None],
        holding: HoldControl,
    ) -> None:
        """Set up without a call.

        Args:
            scheduler: the thread's timers.
            find: returns a call that the library still has.
            tell: takes what the phone should know.
            holding: describes a call anew to the other end.
        """
        self._scheduler = scheduler
        self._find = find
        self._tell = tell
        self._holding = holding
        self._talks: dict[CallId, _Talk] = {}

    def open(self, call_id: CallId) -> None:
        """Offer text to the other end, or say once more that there is some."""
        call = self._find(call_id)
        if call is None or not call.answered:
            return
        if call_id in self._talks and call.wants_text:
            self._tell(CallTextChanged(call_id, is_open=True))
            return
        call.wants_text = True
        self._offer(call_id, _TRIES)

    def _offer(self, call_id: CallId, tries: int) -> None:
        """Offer it once other offers are over: one that crosses them may be answered without a word of text."""
        call = self._find(call_id)
        if call is None or call.is_over or not call.wants_text or call_id in self._talks:
            return
        unsettled_s = call.media_changed_at + _SETTLE_S - time.monotonic()
        if unsettled_s > 0:
            self._scheduler.after(unsettled_s, lambda: self._offer(call_id, tries))
        elif tries:
            self._holding.describe_anew(call_id)
            self._scheduler.after(_PATIENCE_S, lambda: self._offer(call_id, tries - 1))
        else:
            self.refused(call)

    def write(self, call_id: CallId, text: str) -> None:
        """Send what is typed, within the buffering time."""
        talk = self._talks.get(call_id)
        if talk is None:
            return
        talk.sender.write(text)
        if talk.sending is None:
            wait_s = max(0.0, talk.sent_s + BUFFERING_S - time.monotonic())
            talk.sending = self._scheduler.after(wait_s, lambda: self._send(call_id))

    def take(self) -> None:
        """Read what has come."""
        for call_id, talk in list(self._talks.items()):
            call = self._find(call_id)
            if call is not None:
                self._read(call, talk)

    def media_changed(self, call: SipCall, info: Any) -> None:
        """Follow what the last offer and answer agreed on.

        Args:
            call: whose media changed.
            info: what the library says of it (pjsua2's CallInfo).
        """
        call_id, was_open = call.call_id, call.call_id in self._talks
        is_open = any(
            media.type == pjsua2.PJMEDIA_TYPE_TEXT
            and media.status not in {pjsua2.PJSUA_CALL_MEDIA_NONE, pjsua2.PJSUA_CALL_MEDIA_ERROR}
            for media in info.media
        )
        agreed = native.Text()
        if is_open and native.library().wecall_text_look(call.getId(), ctypes.byref(agreed)):
            talk = self._talks.setdefault(call_id, _Talk(Sender(), Receiver()))
            talk.sender.agree(int(agreed.sent_type), int(agreed.depth))
            talk.receiver.kind = int(agreed.received_type)
        if is_open is was_open:
            return
        call.wants_text = is_open
        if not is_open:
            self.forget(call_id)
        self._tell(CallTextChanged(call_id, is_open))

    def answered(self, call: SipCall, message: str) -> None:
        """Read the other end's answer to an offer of ours, which may have had text in it or not."""
        if _CLOSED.search(message):
            self.refused(call)

    def refused(self, call: SipCall) -> None:
        """The other end refused an offer of ours: it may have been for the text."""
        if call.wants_text and call.call_id not in self._talks:
            call.wants_text = False
            self._tell(CallTextChanged(call.call_id, is_open=False))

    def forget(self, call_id: CallId) -> None:
        """There is no text in the call any more."""
        talk = self._talks.pop(call_id, None)
        for appointment in (talk.sending, talk.waiting, talk.saying) if talk is not None else ():
            if appointment is not None:
                appointment.cancel()

    def _send(self, call_id: CallId) -> None:
        talk, call = self._talks.get(call_id), self._find(call_id)
        if talk is None or call is None:
            return
        talk.sending = None
        agreed = native.Text()
        if not native.library().wecall_text_look(call.getId(), ctypes.byref(agreed)) or not agreed.sends:
            # On hold: it waits, and goes out with what is typed next.
            talk.sending = self._scheduler.after(BUFFERING_S, lambda: self._send(call_id))
            return
        now_s = time.monotonic()
        elapsed_ms = int(min((now_s - talk.sent_s) * 1000, _LONGEST_GAP_MS))
        is_first = not talk.sender.repeats_something
        payload, repeats = talk.sender.packet(elapsed_ms)
        talk.sent_s = now_s
        native.library().wecall_text_send(call.getId(), payload, len(payload), repeats, is_first, elapsed_ms)
        if talk.sender.has_more:
            talk.sending = self._scheduler.after(BUFFERING_S, lambda: self._send(call_id))

    def _read(self, call: SipCall, talk: _Talk) -> None:
        library, payload = native.library(), ctypes.create_string_buffer(_ROOM)
        sequence, repeats = ctypes.c_uint(), ctypes.c_uint()
        now_s = time.monotonic()
        while True:
            size = library.wecall_text_take(call.getId(), payload, _ROOM, ctypes.byref(sequence), ctypes.byref(repeats))
            if size < 0:
                break
            taken = talk.receiver.take(sequence.value, payload.raw[:size], now_s, repeats=bool(repeats.value))
            self._heard(call.call_id, talk, taken)
        self._await_missing(call.call_id, talk)

    def _await_missing(self, call_id: CallId, talk: _Talk) -> None:
        until_s = talk.receiver.waits_until_s
        if until_s is not None and talk.waiting is None:
            delay_s = max(0.0, until_s - time.monotonic())
            talk.waiting = self._scheduler.after(delay_s, lambda: self._give_up(call_id))

    def _give_up(self, call_id: CallId) -> None:
        talk = self._talks.get(call_id)
        if talk is not None:
            talk.waiting = None
            self._heard(call_id, talk, talk.receiver.wait_over(time.monotonic()))
            self._await_missing(call_id, talk)

    def _heard(self, call_id: CallId, talk: _Talk, text: str) -> None:
        for letter in text:
            if letter != BACKSPACE:
                talk.unsaid.append(letter)
            elif talk.unsaid:
                talk.unsaid.pop()
            else:
                talk.erased = min(talk.erased + 1, _MOST_UNSAID)
        if len(talk.unsaid) > _MOST_UNSAID:
            talk.unsaid[_MOST_UNSAID:] = [LOST]
        if talk.saying is None:
            self._say(call_id, talk)

    def _say(self, call_id: CallId, talk: _Talk) -> None:
        """Tell the phone what came, but not too often."""
        talk.saying = None
        if not talk.unsaid and not talk.erased:
            return
        text, erased = "".join(talk.unsaid[:_MOST_AT_ONCE]), talk.erased
        del talk.unsaid[:_MOST_AT_ONCE]
        talk.erased = 0
        talk.saying = self._scheduler.after(_PACE_S, lambda: self._say(call_id, talk))
        self._tell(CallTextReceived(call_id, text, erased))
