"""Somebody who calls the handset in a virtual machine through its registrar, speaks a tone and listens."""

import base64
import io
import re
import wave
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from tests.lab.audio import Sound, envelope, gaps, loudest_frequencies
from tests.lab.kamailio import Kamailio
from tests.lab.network import Namespace
from tests.lab.rtp_ear import RtpEar
from tests.lab.scripted_peer import ScriptedPeer, SipMessage, sdp
from tests.lab.virtual_machine import HOST

if TYPE_CHECKING:
    from subprocess import CompletedProcess

MOUTH_HZ: Final = 440
"""What is said into the handset's microphone."""

CALLER_HZ: Final = 1000
"""What the caller says."""

EXTENSION: Final = "1002"
"""Whose number the registrar vouches for."""

_ANSWER_AT_ONCE: Final = (
    "Call-Info: <sip:sip.example.com>;answer-after=0",
    f"P-Asserted-Identity: <sip:{EXTENSION}@sip.example.com>",
)

# Speaks into the loop that the handset's microphone is, and records the one that its earpiece is.
_LISTEN: Final = """
import array, math, subprocess, sys, wave
frequency, seconds = float(sys.argv[1]), int(sys.argv[2])
with wave.open("/run/mouth.wav", "wb") as file:
    file.setparams((1, 2, 16000, 0, "NONE", ""))
    samples = (round(8000 * math.sin(2 * math.pi * frequency * n / 16000)) for n in range(16000 * (seconds + 5)))
    file.writeframes(array.array("h", samples).tobytes())
mouth = subprocess.Popen(["aplay", "-q", "-D", "plughw:CARD=Loopback,DEV=0,SUBDEV=1", "/run/mouth.wav"])
subprocess.run(["arecord", "-q", "-D", "plughw:CARD=Loopback,DEV=1,SUBDEV=0", "-f", "S16_LE", "-c", "1", "-r", "16000",
                "-d", str(seconds), "/run/ear.wav"], check=True)
mouth.kill()
subprocess.run(["base64", "--wrap=0", "/run/ear.wav"], check=True)
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one end heard of the other's tone.

    Attributes:
        frequency_hz: the strongest.
        level: its amplitude while it sounds; 32767 is full scale, and 8000 was spoken.
        longest_gap_s: the longest time in which it was missing.
    """

    frequency_hz: float
    level: float
    longest_gap_s: float

    @classmethod
    def of(cls, sound: Sound) -> Self:
        """Listen to the middle of a recording: a call's beginning has a warning tone, and its end is cut off."""
        middle = sound.between(1.0, sound.duration_s - 0.5)
        (frequency,) = loudest_frequencies(middle, 1)
        missing = max((gap.duration_s for gap in gaps(middle, round(frequency))), default=0.0)
        # A gap shifts the phase of what follows, so that an average over all of it would cancel itself.
        return cls(frequency, float(np.percentile(envelope(middle, round(frequency)), 75)), missing)

    def __str__(self) -> str:
        return f"{self.frequency_hz:.1f} Hz at {self.level:.0f}, longest gap {self.longest_gap_s * 1000:.0f} ms"


class MachineCaller:
    """The caller, who uses the registrar that the handset has registered with."""

    def __init__(self, namespace: Namespace, registrar: Kamailio, user: str) -> None:
        """Set up.

        Args:
            namespace: where the caller is.
            registrar: the operator's.
            user: whom to call.
        """
        self._user = user
        with namespace.entered():
            self.peer = ScriptedPeer(registrar.udp_port, address=HOST, server=HOST, domain=registrar.domain).__enter__()
            self._ear = RtpEar(HOST).__enter__()

    def stop(self) -> None:
        """Be gone."""
        self.peer.__exit__()
        self._ear.__exit__()

    def call(self, *, offer: str = "", lift: Callable[[], None] | None = None, patience_s: float = 60) -> SipMessage:
        """Call the handset and return its last answer; a 200 is acknowledged.

        Args:
            offer: the session description, where it is not an ordinary one.
            lift: lifts the handset once it rings; it is asked to answer by itself where there is nothing to lift.
            patience_s: how long each answer may take.
        """
        headers = _ANSWER_AT_ONCE if lift is None else ()
        self.peer.invite(self._user, *headers, body=offer or sdp(self._ear.port, formats="8 101", address=HOST))
        answer = self._receive(200 if lift is None else 180, patience_s)
        if answer.code < 200 and lift is not None:
            lift()
            answer = self._receive(200, patience_s)
        if answer.code == 200:
            self.peer.establish(answer)
        self.peer.acknowledge(answer)
        return answer

    def _receive(self, least: int, patience_s: float) -> SipMessage:
        """Return the next answer to this call that says so much."""
        call_id = self.peer.dialog.call_id
        return self.peer.receive_where(
            lambda message: (
                message.code >= least and message.method == "INVITE" and message.header("Call-ID") == call_id
            ),
            timeout_s=patience_s,
        )

    def converse(
        self, answer: SipMessage, run: Callable[..., "CompletedProcess[str]"], seconds: int
    ) -> tuple[Heard, Heard]:
        """Speak at both ends of a call for a time, and return what the handset and the caller heard.

        Args:
            answer: what the handset answered the call with.
            run: runs a command in the machine.
            seconds: how long.
        """
        host, port = media_of(answer.body)
        self._ear.speak_to(port, host=host)
        self._ear.forget()
        recorded = run("python3", "-c", _LISTEN, str(MOUTH_HZ), str(seconds), timeout_s=seconds * 10 + 60).stdout
        with wave.open(io.BytesIO(base64.b64decode(recorded.split()[-1]))) as file:
            at_handset = Sound.from_pcm(file.readframes(file.getnframes()), file.getframerate())
        heard = Heard.of(self._last(seconds - 1))
        # Packets carry no time of arrival in their sound: a pause between them counts as a gap.
        at_caller = Heard(heard.frequency_hz, heard.level, max(heard.longest_gap_s, self._ear.longest_gap_s - 0.02))
        return Heard.of(at_handset), at_caller

    def _last(self, seconds: float) -> Sound:
        sound = self._ear.sound
        return sound.between(sound.duration_s - seconds, sound.duration_s)


def media_of(description: str) -> tuple[str, int]:
    """Return where a session description wants its audio."""
    address = re.search(r"^c=IN IP4 (\S+)", description, re.MULTILINE)
    port = re.search(r"^m=audio ([0-9]+)", description, re.MULTILINE)
    assert address, description
    assert port, description
    return address[1], int(port[1])
