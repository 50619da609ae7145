"""The process behind StackProcess: its settings as one line of JSON on standard input, then a command a line.

On standard output it says what happens, an event a line; answers to commands begin with `=`.
"""

import itertools
import json
import os
import random
import signal
import sys
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from firmware.phone.call import CallId, CallState, RegistrationState, RejectReason, SipUri
from firmware.phone.events import Event
from firmware.phone.news import CallReplaced, CallStateChanged, IncomingCallReceived, RegistrationChanged
from firmware.phone.orders import AnswerCall, HangUpCall, PlaceCall, RejectCall, SignalRinging
from firmware.voice.sip import engine, gate, native
from firmware.voice.sip.bodies import Verdict
from firmware.voice.sip.settings import AccountSettings, NatSettings, SipSettings
from firmware.voice.sip.source_filter import ConnectionLimit
from firmware.voice.sip.stack import PjsuaStack
from provisioning.sip_choices import Srtp, Transport
from tests.lab.audio import tone
from tests.lab.priority import REST_S, carry_sound
from tests.lab.stack_process import SPOKEN_HZ


class Uncounted(gate.GatePolicy):
    """Lets those in who may come in, as often as they like."""

    judged = 0

    def decide(self, request: gate.Request) -> int:
        """Leave counting out."""
        Uncounted.judged += 1
        return -1 if super().decide(replace(request, method="ACK")) else 0


class Unlimited(ConnectionLimit):
    """Lets in as many connections as are made."""

    def connections_changed(self) -> None:
        """Leave counting out."""


class Program:
    """The stack with somebody who answers whom they know."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        account = AccountSettings(
            settings["username"],
            "localhost",
            settings["host"],
            settings["server_port"],
            Transport(settings["transport"]),
            settings["password"],
            tls_ca_pem=Path(settings["tls_ca"]).read_bytes() if settings["tls_ca"] else None,
            srtp=Srtp(settings["srtp"]),
        )
        sip = SipSettings(
            account,
            local_port=settings["local_port"],
            answer_anyone=settings["answer_anyone"],
            media_networks=("127.0.0.0/8", "::1"),
            nat=NatSettings(ice=settings["ice"]),
        )
        if not settings["counts"]:
            # Connections that malformed messages end are made again at once.
            sip = replace(sip, retry_base_s=0.05, retry_cap_s=1)
            _replace(engine, "GatePolicy", Uncounted)
            _replace(engine, "ConnectionLimit", Unlimited)
        if not settings["reads_bodies"]:
            _replace(gate, "inspect_body", _leave)
        self.stack = PjsuaStack(sip, heartbeat=lambda: None)
        self._numbers: dict[CallId, int] = {}
        self._number = itertools.count(1)
        self._output = threading.Lock()
        self._stopping = threading.Event()
        self._heard: list[bytes] | None = None
        self._longest_wait_s = 0.0

    def run(self) -> None:
        """Start, and obey until the input ends."""
        self.stack.start(self._take)
        threading.Thread(target=self._pump, name="audio", daemon=True).start()
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            self._say(f"={json.dumps(self._obey(word, rest))}")

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        """End in good order."""
        self.stack.stop()
        os._exit(0)

    def _obey(self, word: str, rest: str) -> Any:
        match word:
            case "port":
                report = self.stack.build_report
                return report.port if report is not None else 0
            case "call":
                call_id = CallId(uuid.uuid4().hex)
                number = self._numbers[call_id] = next(self._number)
                self.stack.order(PlaceCall(call_id, SipUri(rest)))
                return number
            case "hang_up":
                for call_id, number in list(self._numbers.items()):
                    if rest in {str(number), "all"}:
                        self.stack.order(HangUpCall(call_id))
            case "listen":
                self._longest_wait_s = 0.0
                self._heard = []
            case "heard":
                heard, self._heard = self._heard or [], None
                path = Path(self._settings["folder"]) / "heard.raw"
                path.write_bytes(b"".join(heard))
                rate_hz = self.stack.audio_port.rate_hz
                return {"path": str(path), "rate_hz": rate_hz, "longest_wait_s": self._longest_wait_s}
            case "judged":
                return Uncounted.judged
            case "calls":
                # Only reads a number.
                return native.library().pjsua_call_get_count()
        return None

    def _take(self, event: Event) -> None:
        match event:
            case RegistrationChanged(state=RegistrationState.REGISTERED):
                self._say("registered")
            case RegistrationChanged():
                self._say("unregistered")
            case IncomingCallReceived():
                self._numbers[event.call_id] = next(self._number)
                known = event.caller.number in self._settings["welcome"]
                if known:
                    self._say(f"incoming {event.caller.number}")
                    self.stack.order(SignalRinging(event.call_id))
                    most = self._settings["calls"]
                    if len(self._numbers) > most and not self._settings["counts"]:
                        self.stack.order(HangUpCall(random.choice(list(self._numbers))))
                        most += 1
                    # A second call would be heard in the first one's place.
                    if len(self._numbers) <= most:
                        self.stack.order(AnswerCall(event.call_id))
                else:
                    self.stack.order(RejectCall(event.call_id, RejectReason.BUSY))
            case CallReplaced():
                self._numbers[event.new_call_id] = next(self._number)
            case CallStateChanged():
                number = self._numbers.get(event.call_id, 0)
                self._say(f"{event.state} {number} {event.reason or ''}")
                if event.state is CallState.DISCONNECTED:
                    self._numbers.pop(event.call_id, None)

    def _pump(self) -> None:
        carry_sound(threading.get_native_id())
        port = self.stack.audio_port
        port.attach()
        period_s = port.frame_samples / port.rate_hz
        # A whole number of the tone's periods, to be repeated without a click.
        spoken = tone([SPOKEN_HZ], 1.1, rate_hz=port.rate_hz).between(0.05, 1.05).pcm
        frame_bytes = 2 * port.frame_samples
        position = 0
        due = before = time.monotonic()
        while not self._stopping.is_set():
            heard = port.exchange(spoken[position : position + frame_bytes])
            position = (position + frame_bytes) % len(spoken)
            now = time.monotonic()
            if self._heard is not None:
                self._heard.append(heard)
                self._longest_wait_s = max(self._longest_wait_s, now - before)
            before = now
            due += period_s
            self._stopping.wait(max(REST_S, due - time.monotonic()))

    def _say(self, line: str) -> None:
        with self._output:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


def _leave(content_type: str, _body: bytes, **_message: object) -> Verdict:
    """Let the library read a body, but for one of several parts, whose reader the build leaves out."""
    return Verdict(body=b"") if content_type.lower().startswith("multipart/") else Verdict()


def _replace(module: ModuleType, name: str, by: object) -> None:
    """Put something of the lab's in the place of what the product has no setting for."""
    assert hasattr(module, name)
    setattr(module, name, by)


def main() -> None:
    program = Program(json.loads(sys.stdin.readline()))
    signal.signal(signal.SIGTERM, program.stop)
    program.run()


if __name__ == "__main__":
    main()
