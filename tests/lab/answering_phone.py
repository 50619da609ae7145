"""The process behind AnsweringPeer: its settings as one line of JSON on standard input, then a command a line.

On standard output it says what happens to it, an event a line; AnsweringPeer lists them.
"""

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pjsua2 as pj

from tests.lab.answering_peer import Settings


def say(event: str) -> None:
    """Tell AnsweringPeer what happened."""
    sys.stdout.write(f"{event}\n")
    sys.stdout.flush()


@contextmanager
def unless_over(what: str) -> Iterator[None]:
    """Try something with a call that the other end may have ended meanwhile."""
    try:
        yield
    except pj.Error as error:
        sys.stderr.write(f"{what}: {error.reason}\n")


class Greeting(pj.AudioMediaPlayer):  # type: ignore[misc]
    """Plays the sentence once."""

    finished = False

    def onEof2(self) -> None:  # noqa: N802 - pjsua2's name
        self.finished = True


class EchoCall(pj.Call):  # type: ignore[misc]
    """One call: greets, then sends back what it hears."""

    def __init__(self, account: "EchoAccount", call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self._account = account
        self._greeting: Greeting | None = None
        self._connected = False
        self._echoing = False
        self._held = False

    def onCallState(self, _prm: Any) -> None:  # noqa: N802
        info = self.getInfo()
        match info.state:
            case pj.PJSIP_INV_STATE_EARLY if info.role == pj.PJSIP_ROLE_UAC:
                say("ringing")
            case pj.PJSIP_INV_STATE_CONFIRMED:
                say("answered")
            case pj.PJSIP_INV_STATE_DISCONNECTED:
                say(f"ended {info.lastStatusCode}")
                self._account.ended.append(self)
        self._greet_once_connected()

    def onCallMediaState(self, _prm: Any) -> None:  # noqa: N802
        # A re-INVITE makes the audio anew, without its connections.
        self._echoing = False
        info = self.getInfo()
        held = any(media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD for media in info.media)
        if held != self._held:
            self._held = held
            say("held" if held else "resumed")
        self._greet_once_connected()

    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802
        say(f"dtmf {prm.digit}")

    def work(self) -> None:
        """Go on to echo when the sentence has been spoken."""
        greeted = self._greeting is None or self._greeting.finished
        if self._account.settings.echo and self._connected and greeted and not self._echoing and self._has_audio:
            self._echoing = True
            audio = self.getAudioMedia(-1)
            audio.startTransmit(audio)
            say("echoing")

    @property
    def _has_audio(self) -> bool:
        # Kept in a name: its list of media lives no longer than it does.
        info = self.getInfo()
        return any(media.status == pj.PJSUA_CALL_MEDIA_ACTIVE for media in info.media)

    def forget(self) -> None:
        """Free the media before the call (pjproject's order of destruction)."""
        self._greeting = None

    def _greet_once_connected(self) -> None:
        if self._connected or self.getInfo().state != pj.PJSIP_INV_STATE_CONFIRMED or not self.hasMedia():
            return
        self._connected = True
        if wav := self._account.settings.greeting_wav:
            self._greeting = Greeting()
            self._greeting.createPlayer(wav, pj.PJMEDIA_FILE_NO_LOOP)
            self._greeting.startTransmit(self.getAudioMedia(-1))


class EchoAccount(pj.Account):  # type: ignore[misc]
    """Answers whoever calls, from the main loop: never inside the callback."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.calls: list[EchoCall] = []
        self.ended: list[EchoCall] = []
        self._unanswered: list[EchoCall] = []
        self._announced = False

    def onRegState(self, prm: Any) -> None:  # noqa: N802
        if prm.code == pj.PJSIP_SC_OK and not self._announced:
            self._announced = True
            say("registered")
        elif prm.code != pj.PJSIP_SC_OK:
            sys.stderr.write(f"The registrar answered {prm.code}.\n")

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        call = EchoCall(self, prm.callId)
        self.calls.append(call)
        self._unanswered.append(call)

    def obey(self, line: str) -> None:
        """Do what a line of standard input says."""
        word, _, rest = line.strip().partition(" ")
        operation = pj.CallOpParam(True)
        if word == "call":
            call = EchoCall(self)
            self.calls.append(call)
            call.makeCall(rest, operation)
        for call in self.calls:
            with unless_over(word):
                if word == "hang_up":
                    call.hangup(operation)
                elif word == "hold":
                    call.setHold(operation)
                elif word == "resume":
                    operation.opt.flag = pj.PJSUA_CALL_UNHOLD
                    call.reinvite(operation)

    def work(self) -> None:
        """Do what callbacks left to do."""
        accept = pj.CallOpParam()
        accept.statusCode = pj.PJSIP_SC_OK
        while self._unanswered:
            with unless_over("answer"):
                self._unanswered.pop().answer(accept)
        while self.ended:
            call = self.ended.pop()
            call.forget()
            self.calls.remove(call)
        for call in self.calls:
            call.work()


def run(settings: Settings) -> None:
    """Register, answer and obey until SIGTERM."""
    stopping = threading.Event()
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    endpoint.libInit(_endpoint_config())
    transport = pj.TransportConfig()
    transport.port = 0
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    account = EchoAccount(settings)
    account.create(_account_config(settings))
    threading.Thread(target=read, daemon=True).start()
    while not stopping.is_set():
        endpoint.libHandleEvents(20)
        while not lines.empty():
            account.obey(lines.get())
        account.work()
    account.shutdown()
    # No orderly end: pjsua2's Python objects may not outlive libDestroy (pjproject issue 4353).
    os._exit(0)


def _endpoint_config() -> Any:
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    # A call whose other end was killed keeps its place for the 32 s that its BYE is repeated.
    config.uaConfig.maxCalls = 32
    config.logConfig.level = config.logConfig.consoleLevel = 0
    # A short jitter buffer, so that what is measured through this peer is the handset's delay.
    config.medConfig.jbInit = config.medConfig.jbMinPre = config.medConfig.jbMaxPre = 20
    config.medConfig.jbMax = 200
    config.medConfig.ecTailLen = 0
    config.medConfig.noVad = True
    return config


def _account_config(settings: Settings) -> Any:
    config = pj.AccountConfig()
    config.idUri = f"sip:{settings.username}@localhost"
    config.regConfig.registrarUri = settings.registrar
    config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", settings.username, 0, settings.password))
    # A phone that insists on encryption refuses an offer that leaves it open.
    config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY if settings.encrypted else pj.PJMEDIA_SRTP_OPTIONAL
    config.mediaConfig.srtpSecureSignaling = 0
    return config


if __name__ == "__main__":
    run(Settings(**json.loads(sys.stdin.readline())))
