"""One call as pjsua2 knows it, translated into the phone's words."""

import logging
import time
from collections import deque
from typing import Any, Final, Protocol

import pjsua2

from firmware.phone.call import CallDirection, CallId, CallState, DisconnectReason
from firmware.phone.events import CallAudioChanged, CallStateChanged, Key
from firmware.sip.mapping import disconnect_reason
from firmware.sip.native import guarded

_FINAL: Final = 200  # RFC 3261 section 21: responses from here on are final
_log = logging.getLogger(__name__)


class CallOwner(Protocol):
    """Who is told about a call; everything arrives on the `sip` thread."""

    @property
    def encryption_required(self) -> bool: ...
    def call_changed(self, event: CallStateChanged | CallAudioChanged) -> None: ...
    def call_progressed(self, call_id: CallId) -> None:
        """The other end has answered something."""
        ...

    def call_answered(self, call_id: CallId) -> None: ...
    def call_over(self, call_id: CallId) -> None:
        """The library is done with it; the object must go before its number is given to another call."""
        ...

    def connect_audio(self, audio: Any) -> None: ...


class SipCall(pjsua2.Call):  # type: ignore[misc]  # pjsua2 has no types
    """A call from the first message until the library has let go of it.

    It must not be part of a reference cycle: its destructor hangs up whatever call has its number by then
    (pjproject issue 3856), so it has to run at once when the owner drops it.
    """

    def __init__(
        self, owner: CallOwner, account: Any, call_id: CallId, direction: CallDirection, pj_call_id: int | None = None
    ) -> None:
        if pj_call_id is None:
            super().__init__(account)
        else:
            super().__init__(account, pj_call_id)
        self._owner = owner
        self.call_id = call_id
        self.direction = direction
        self.answered = False
        self.wants_hold = False
        self.ending: DisconnectReason | None = None
        self.media_changed_at = 0.0
        self.digits: deque[Key] = deque()
        self._told: CallState | None = None
        self._packets_received = 0
        self._told_audio = (False, False)

    @property
    def is_over(self) -> bool:
        """The phone has been told that it is over."""
        return self._told is CallState.DISCONNECTED

    @property
    def is_in_progress(self) -> bool:
        """The other end has shown a sign of life."""
        return self._told in {CallState.ALERTING, CallState.ACTIVE, CallState.HELD}

    def has_fallen_silent(self) -> bool:
        """Say whether neither RTP nor RTCP has come since the last time, though it should have."""
        if not self._told_audio[0]:
            return False
        statistics = self.getStreamStat(0).rtcp
        # Every RTCP report from the peer updates what it knows of our sending.
        received = int(statistics.rxStat.pkt) + int(statistics.txStat.updateCount)
        silent = received == self._packets_received
        self._packets_received = received
        return silent

    def tell(self, state: CallState, reason: DisconnectReason | None = None, sip_code: int = 0) -> None:
        """Tell the phone about a new state, once, and nothing more once it is over."""
        if state is self._told or self.is_over:
            return
        self._told = state
        self._owner.call_changed(CallStateChanged(self.call_id, state, reason, sip_code))

    @guarded
    def onCallState(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Follow the INVITE session's state."""
        info = self.getInfo()
        state = info.state
        if state == pjsua2.PJSIP_INV_STATE_CALLING:
            self.tell(CallState.DIALING)
        elif state == pjsua2.PJSIP_INV_STATE_EARLY:
            if self.direction is CallDirection.OUTGOING:
                self._owner.call_progressed(self.call_id)
                self.tell(CallState.ALERTING)
        elif state == pjsua2.PJSIP_INV_STATE_CONFIRMED:
            if not self.answered:
                self.answered = True
                self._owner.call_answered(self.call_id)
            self._owner.call_progressed(self.call_id)
            self.tell(CallState.ACTIVE)
        elif state == pjsua2.PJSIP_INV_STATE_DISCONNECTED:
            self._disconnected(int(info.lastStatusCode), parameters)

    def _disconnected(self, sip_code: int, parameters: Any) -> None:
        from_peer = parameters.e.body.tsxState.type == pjsua2.PJSIP_EVENT_RX_MSG
        reason = self.ending or disconnect_reason(
            sip_code,
            from_peer=from_peer,
            answered=self.answered,
            incoming=self.direction is CallDirection.INCOMING,
            encryption_required=self._owner.encryption_required,
        )
        self.tell(CallState.DISCONNECTED, reason, sip_code if from_peer else 0)
        self._owner.call_over(self.call_id)

    @guarded
    def onCallTsxState(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Notice signs of life that change no state."""
        event = parameters.e.body.tsxState
        transaction = event.tsx
        if event.type != pjsua2.PJSIP_EVENT_RX_MSG or transaction.role != pjsua2.PJSIP_ROLE_UAC:
            return
        code = int(transaction.statusCode)
        # For an INVITE the proxy's 100 Trying will do, since the server lives; within the call only the peer counts,
        # and 408 and 481 say that it is not there.
        if transaction.method == "INVITE" or (code >= _FINAL and code not in {408, 481, 503}):
            self._owner.call_progressed(self.call_id)

    @guarded
    def onCallMediaState(self, _parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Follow what the last offer and answer agreed on."""
        self.media_changed_at = time.monotonic()
        info = self.getInfo()
        receiving = sending = held_here = False
        for media in info.media:
            if media.type != pjsua2.PJMEDIA_TYPE_AUDIO:
                continue
            held_here = media.status == pjsua2.PJSUA_CALL_MEDIA_LOCAL_HOLD
            if media.status in {pjsua2.PJSUA_CALL_MEDIA_ACTIVE, pjsua2.PJSUA_CALL_MEDIA_REMOTE_HOLD}:
                receiving = bool(media.dir & pjsua2.PJMEDIA_DIR_DECODING)
                sending = bool(media.dir & pjsua2.PJMEDIA_DIR_ENCODING)
                if media.audioConfSlot >= 0:
                    self._owner.connect_audio(self.getAudioMedia(media.index))
            break
        if (receiving, sending) != self._told_audio:
            self._told_audio = (receiving, sending)
            self._owner.call_changed(CallAudioChanged(self.call_id, receiving, sending))
        if self.answered:
            self.tell(CallState.HELD if held_here else CallState.ACTIVE)
