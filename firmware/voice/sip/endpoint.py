"""The SIP library itself: how it is set up, and what it tells that belongs to no account and no call.

pjmedia's own thread for audio packets wakes every 10 ms whether or not there is a call; that alone costs an idle phone
0.5 % of a core. Ours is asleep while no call needs it.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pjsua2

from firmware.base.errors import SipError
from firmware.voice.sip import native
from firmware.voice.sip.identity import ReceivedMessage, received
from firmware.voice.sip.mapping import CERTIFICATE_ERROR, SYSTEM_ERRORS
from firmware.voice.sip.recording_signs import RECORD_AWARE
from firmware.voice.sip.settings import SipSettings

_log = logging.getLogger(__name__)

_LIBRARY_CALLS: Final = 32
_CODEC_IDS: Final = {"opus": "opus/", "g722": "G722/", "pcma": "PCMA/", "pcmu": "PCMU/"}
# Opus takes 17 kbit/s for speech at 16 kHz by itself, at which PESQ finds it half a point worse than at this.
_OPUS_BITS_PER_S: Final = 32_000
_OPUS_FRAME_MS: Final = 20
_OPUS_COMPLEXITY: Final = 5  # of 10; it takes 0.7 % of a core of a PC, with 10 it takes 0.9
_CONNECTION_LOST: Final = 1  # PJSIP_TP_STATE_DISCONNECTED in pjsip/sip_transport.h; SWIG gives the number only

_WAIT_MS: Final = 20  # a packet ends the wait; sockets opened meanwhile are seen after it


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What this build of the library is and can do, for `wecall doctor`.

    Attributes:
        linked: its libraries with their versions, pjproject first.
        codecs: those of the configuration that it has, best first.
        source_filter_active: the kernel drops what does not come from the servers.
        port: where SIP listens, 0 where nothing does.
        calls: how many calls it holds at once; the last place is kept for a call out.
        refused: how many bodies of messages were not taken, by what was wrong with them.
        strangers: how many packets of audio came from where nobody was expected.
    """

    linked: tuple[str, ...]
    codecs: tuple[str, ...]
    source_filter_active: bool
    port: int
    calls: int
    refused: dict[str, int]
    strangers: int

    def __str__(self) -> str:
        return (
            f"{', '.join(self.linked)}; codecs {', '.join(self.codecs)}; {self.calls} calls at once.{self._turned_away}"
        )

    @property
    def _turned_away(self) -> str:
        counts = dict(self.refused)
        if self.strangers:
            counts["audio from strangers"] = self.strangers
        listed = ", ".join(f"{kind} {count}" for kind, count in counts.items())
        return f" Turned away: {listed}." if listed else ""


class Endpoint(pjsua2.Endpoint):  # type: ignore[misc]  # pjsua2 has no types
    """The library, of which there is one at a time.

    Attributes:
        when_connection_lost: is told the error that ended a connection.
        when_connections_changed: is told that one came or went.
        when_call_refused: is told of callers whom the library turns away by itself, and with which status code.
    """

    when_connection_lost: Callable[[int], None] | None = None
    when_connections_changed: Callable[[], None] | None = None
    when_call_refused: Callable[[ReceivedMessage, int], None] | None = None

    def bring_up(self, settings: SipSettings) -> None:
        """Create the library, which begins to work with `libStart`."""
        # Before its log is configured; it holds numbers and URIs.
        native.library().pj_log_set_level(0)
        self.libCreate()
        self.libInit(_configuration(settings))
        self.setCodecOpusConfig(_opus(settings))
        native.library().wecall_option_tag(RECORD_AWARE.encode())

    def tear_down(self) -> None:
        """Destroy the library; nobody is told anything any more."""
        self.when_connection_lost = self.when_connections_changed = self.when_call_refused = None
        try:
            # Farewells are over: do not wait another second for answers to them.
            self.libDestroy(pjsua2.PJSUA_DESTROY_NO_RX_MSG)
        except pjsua2.Error:
            _log.exception("The SIP stack did not end in good order.")

    def choose_codecs(self, names: Sequence[str]) -> tuple[str, ...]:
        """Use these codecs alone, the best first; return those that the build has.

        Raises:
            SipError: it has none of them.
        """
        present = [str(codec.codecId) for codec in self.codecEnum2()]
        for codec in present:
            self.codecSetPriority(codec, 0)
        chosen = []
        for rank, name in enumerate(names):
            matching = [codec for codec in present if codec.startswith(_CODEC_IDS[name])]
            for codec in matching:
                self.codecSetPriority(codec, 250 - rank)
            if matching:
                chosen.append(name)
        if not chosen:
            raise SipError("The SIP stack has none of the codecs asked for. Add pcma to `codecs`.")
        return tuple(chosen)

    def errors_by_reason(self) -> dict[str, int]:
        """Return what errors are behind the reason phrases of responses that the library makes up."""
        # The numbers from 90 hold errno.h's network errors.
        numbers = (CERTIFICATE_ERROR, *range(SYSTEM_ERRORS + 90, SYSTEM_ERRORS + 116))
        return {str(self.utilStrError(number)): number for number in numbers}

    @native.guarded
    def onTransportState(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Tell of connections that come, go or are lost."""
        if self.when_connections_changed is not None:
            self.when_connections_changed()
        if parameters.state == _CONNECTION_LOST and self.when_connection_lost is not None:
            self.when_connection_lost(int(parameters.lastError))

    @native.guarded
    def onRejectedIncomingCall(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Tell of a caller whom the library has turned away."""
        if self.when_call_refused is not None:
            self.when_call_refused(received(parameters.rdata), int(parameters.statusCode))


def _configuration(settings: SipSettings) -> Any:
    configuration = pjsua2.EpConfig()
    user_agent = configuration.uaConfig
    # With no worker thread and all callbacks on ours, Python and the library cannot wait for each other
    # (pjproject issue 3125).
    user_agent.threadCnt = 0
    user_agent.mainThreadOnly = True
    user_agent.maxCalls = _LIBRARY_CALLS
    user_agent.userAgent = settings.user_agent
    user_agent.natTypeInSdp = 0  # nobody but pjsip reads it, and an INVITE has to fit in a packet
    configuration.logConfig.level = 0
    configuration.logConfig.consoleLevel = 0
    media = configuration.medConfig
    media.clockRate = media.sndClockRate = settings.clock_rate_hz
    media.audioFramePtime = settings.frame_ms
    media.channelCount = 1
    media.ecTailLen = 0
    media.noVad = True
    media.quality = 4
    # Its own I/O queue, so that a slow lookup of a name cannot delay audio, and our thread to poll it.
    media.hasIoqueue = True
    return configuration


def _opus(settings: SipSettings) -> Any:
    """Return how Opus sends, and what is said of it in session descriptions (RFC 7587 section 6.1).

    It is mono at the bridge's rate, never silent (DTX), and takes redundancy from within packets (in-band FEC).
    """
    configuration = pjsua2.CodecOpusConfig()
    configuration.sample_rate = settings.clock_rate_hz
    configuration.channel_cnt = 1
    configuration.frm_ptime, configuration.frm_ptime_denum = _OPUS_FRAME_MS, 1
    configuration.bit_rate = _OPUS_BITS_PER_S
    # In-band FEC costs half a point of PESQ on a clean line: it waits until one is not (redundancy.py).
    configuration.packet_loss = 0
    configuration.complexity = _OPUS_COMPLEXITY
    configuration.cbr = False
    return configuration


class MediaPoll:
    """Polls the media I/O queue in place of the library's own thread.

    Between two polls it holds no lock of the library's, and packets wait in the kernel.
    """

    def __init__(self, when_text_came: Callable[[], None]) -> None:
        """`when_text_came` is called on the thread, where no lock of the library's is held."""
        self._when_text_came = when_text_came
        self._queue = 0
        self._wanted = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="rtp", daemon=True)

    def start(self) -> None:
        """Take the library's thread's place; ours sleeps until there is a call."""
        self._queue = native.library().wecall_media_queue()
        self._thread.start()

    def stop(self) -> None:
        """End the thread, before the library is destroyed."""
        self._stopping = True
        self._wanted.set()
        self._thread.join()

    def set_wanted(self, wanted: bool) -> None:
        """Take packets in from now on, or rest."""
        if wanted:
            self._wanted.set()
        else:
            self._wanted.clear()

    def _run(self) -> None:
        library = native.library()
        library.wecall_thread_register(b"rtp")
        poll, queue = library.wecall_media_poll, self._queue
        while True:
            self._wanted.wait()
            if self._stopping:
                return
            poll(queue, _WAIT_MS)
            if library.wecall_text_heard():
                self._when_text_came()
