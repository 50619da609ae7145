"""An office: the handset on its stage and two more phones, each with a tone of its own, so that each ear tells whom it
hears.
"""

import asyncio
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

from firmware.phone.call import CallId, CallState, RegistrationState, SipUri, TextMessage
from firmware.phone.news import CallStateChanged, IncomingCallReceived, MessageReceived
from firmware.phone.orders import (
    AnswerCall,
    HangUpCall,
    HoldCall,
    PlaceCall,
    ResumeCall,
    SendMessage,
    SignalRinging,
    TransferCall,
    TransferToCall,
)
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.lab.audio import Recorder, Sound, gaps, level, tone
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.second_phone import SecondPhone
from tests.lab.sipp import Sipp
from tests.lab.stage import Choices, Stage
from tests.lab.three_agents import new_call_id

PERSON = "201"
BOB = "601"
CAROL = "602"
DAVE = "603"
# Multiples of 100 Hz that every codec passes, none a harmonic of another or part of a British tone.
TONES_HZ = {PERSON: 900, BOB: 600, CAROL: 1300, DAVE: 1700}
RECORDING_KEYS = [
    ["1", "2", "3", "volume_up", "transfer"],
    ["4", "5", "6", "volume_down", "conference"],
    ["7", "8", "9", "mute", "speaker"],
    ["*", "0", "#", "hold", "voicemail"],
    ["cancel", "menu", "ok", "redial", "record"],
]
"""A keypad with a key to record by."""
_WINDOW_S = 0.3
_HEARD = 700.0
_NOT_HEARD = 150.0
_POLL_S = 0.05


class Ear(Protocol):
    """Whoever can say what it has heard lately."""

    def last_heard(self, duration_s: float) -> Sound: ...


class Colleague:
    """Somebody at one of the other phones: answers, calls, speaks a tone all the time, and tells whom they hear."""

    def __init__(self, user: str, phone: SecondPhone, domain: str) -> None:
        self.user = user
        self.phone = phone
        self._domain = domain
        self._calls: list[CallId] = []

    def call(self, user: str, *, anonymous: bool = False) -> CallId:
        """Call somebody."""
        call_id = new_call_id()
        self._calls.append(call_id)
        self.phone.stack.order(PlaceCall(call_id, self._uri_of(user), anonymous=anonymous))
        return call_id

    def rings_there(self) -> None:
        """Wait until the newest call that this colleague makes rings at its other end."""
        self.sees(self._calls[-1], CallState.ALERTING)

    def is_called(self) -> IncomingCallReceived:
        """Wait for a call, and let it ring."""
        event = self.phone.wait_for(IncomingCallReceived, timeout_s=PATIENCE_S)
        self._calls.append(event.call_id)
        self.phone.stack.order(SignalRinging(event.call_id))
        return event

    def answers(self) -> IncomingCallReceived:
        """Wait for a call and answer it."""
        event = self.is_called()
        self.phone.stack.order(AnswerCall(event.call_id))
        self.phone.wait_for_call(event.call_id, CallState.ACTIVE)
        return event

    def sees(self, call_id: CallId, state: CallState) -> CallStateChanged:
        """Wait until a call is in a state."""
        return self.phone.wait_for_call(call_id, state, PATIENCE_S)

    def writes(self, user: str, text: str) -> None:
        """Send somebody a text message."""
        self.phone.stack.order(SendMessage(uuid.uuid4().hex, self._uri_of(user), text))

    def reads(self) -> TextMessage:
        """Wait for a text message."""
        return self.phone.wait_for(MessageReceived, timeout_s=PATIENCE_S).message

    def sees_newest(self, state: CallState) -> CallStateChanged:
        """Wait until the newest call is in a state."""
        return self.sees(self._calls[-1], state)

    def transfers_to(self, user: str) -> None:
        """Ask the other end of the newest call to call somebody else."""
        self.phone.stack.order(TransferCall(self._calls[-1], self._uri_of(user)))

    def consults(self, colleague: Self) -> None:
        """Put the newest call on hold and call a colleague, who answers."""
        self.holds()
        call_id = self.call(colleague.user)
        colleague.answers()
        self.sees(call_id, CallState.ACTIVE)

    def holds(self) -> None:
        """Put the newest call on hold, in silence."""
        self.phone.stack.order(HoldCall(self._calls[-1]))

    def resumes(self) -> None:
        """Take the newest call back from hold."""
        self.phone.stack.order(ResumeCall(self._calls[-1]))

    def hands_over(self) -> None:
        """Let the other ends of the last two calls talk to each other."""
        first, second = self._calls[-2:]
        self.phone.stack.order(TransferToCall(first, second))

    def hang_up(self) -> None:
        """End the newest call."""
        self.phone.stack.order(HangUpCall(self._calls[-1]))

    def _uri_of(self, user: str) -> SipUri:
        return SipUri(f"sip:{user}@{self._domain}")

    def rest(self) -> None:
        """End every call and forget what happened."""
        self.phone.end_calls(self.phone.stack.order)
        self.phone.forget()
        self._calls.clear()


class Office:
    """The stage with the handset, and the colleagues.

    Attributes:
        stage: without its answering peer, its broker and the handset's sync process.
        bob, carol: at the other phones.
    """

    def __init__(self, folder: Path, choices: Choices | None = None) -> None:
        # Preferred, so that peers without encryption may call too.
        self.stage = Stage(folder, replace(choices or Choices(), srtp="preferred"), users=(BOB, CAROL, DAVE))
        self.bob = self._colleague(BOB)
        self.carol = self._colleague(CAROL)

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Start everything, and let this process hear and speak on the stage's sound devices."""
        stage, colleagues = self.stage, (self.bob, self.carol)
        assert stage.pulse is not None
        with ExitStack() as stack:
            desk = () if stage.desk is None else (stage.desk,)
            for part in (stage.registrar, stage.pulse, self.bob.phone, self.carol.phone, *desk):
                part.start()
                stack.callback(part.stop)
            stack.callback(stage.handset.stop)
            stage.handset.start(sync=False)
            for colleague in colleagues:
                colleague.phone.wait_for_registration(RegistrationState.REGISTERED)
                colleague.phone.say(TONES_HZ[colleague.user])
            stack.enter_context(stage.heard_here())
            yield self

    @contextmanager
    def others_talking(self) -> Iterator[tuple[Colleague, Colleague]]:
        """Let Carol and Dave talk meanwhile, who have nothing to do with the handset: what they hear is a reference."""
        dave = self._colleague(DAVE)
        with dave.phone:
            dave.phone.wait_for_registration(RegistrationState.REGISTERED, PATIENCE_S)
            dave.phone.say(TONES_HZ[DAVE])
            self.carol.call(DAVE)
            dave.answers()
            self.carol.sees_newest(CallState.ACTIVE)
            yield self.carol, dave
            self.carol.rest()

    def outsider(self, folder: Path, number: str, *, scenario: str = "uac_wait_for_hang_up", **words: str) -> Sipp:
        """Somebody beyond the operator's trunk, who calls the handset by SIPp.

        Args:
            folder: where SIPp writes.
            number: who says that they call.
            scenario: what SIPp plays.
            words: of the scenario.
        """
        server = self.stage.kamailio
        return Sipp(folder, scenario, server_port=server.udp_port, callee=PERSON, caller=number, words=words)

    def newest_call(self) -> Mapping[str, Any]:
        """The newest line of the handset's call log."""
        newest: Mapping[str, Any] = self.stage.handset.ask("log")[0]
        return newest

    def rest(self) -> None:
        """Let the colleagues end every call."""
        for colleague in (self.bob, self.carol):
            colleague.rest()

    def _colleague(self, user: str) -> Colleague:
        server = self.stage.registrar
        account = AccountSettings(
            user, server.domain, "localhost", server.tls_port, Transport.TLS, self.stage.password_of[user],
            tls_ca_pem=self.stage.authority.ca_pem, srtp=Srtp.PREFERRED,
        )  # fmt: skip
        return Colleague(user, SecondPhone(SipSettings(account, local_port=0)), server.domain)


class OpenEar:
    """The earpiece or the loudspeaker, listened to all the time."""

    def __init__(self, pcm: str = "ear_monitor") -> None:
        self._recorder = Recorder(pcm)

    def __enter__(self) -> Self:
        self._recorder.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._recorder.stop()

    def last_heard(self, duration_s: float) -> Sound:
        """Return the last of what was heard."""
        sound = self._recorder.sound
        return sound.between(sound.duration_s - duration_s, sound.duration_s)


@dataclass(frozen=True, slots=True)
class Gaps:
    """For how long a voice was not heard at worst in a stretch of time.

    Attributes:
        call_s: at either end of Bob's call with the handset.
        others_s: at either end of the call that knows nothing of the handset; what went wrong there is the computer's.
    """

    call_s: float
    others_s: float

    @property
    def excess_s(self) -> float:
        """How much longer a voice was missing in the handset's call."""
        return max(0.0, self.call_s - self.others_s)


async def gaps_lately(office: Office, ear: Ear, others: tuple[Colleague, Colleague], duration_s: float) -> Gaps:
    """Listen to the last of what was heard in Bob's call and in the others'."""
    carol, dave = (other.phone for other in others)
    ends = (ear, BOB), (office.bob.phone, PERSON), (carol, DAVE), (dave, CAROL)
    sounds = [(await asyncio.to_thread(end.last_heard, duration_s), TONES_HZ[user]) for end, user in ends]
    longest_s = [max((gap.duration_s for gap in gaps(*sound)), default=0.0) for sound in sounds]
    return Gaps(max(longest_s[:2]), max(longest_s[2:]))


@contextmanager
def speaking(sink: str = "mic", frequency_hz: float = TONES_HZ[PERSON]) -> Iterator[None]:
    """Sound a tone at a microphone all the time."""
    with tempfile.NamedTemporaryFile(suffix=".raw") as file:
        file.write(tone([frequency_hz], 120, ramp_s=0).pcm)
        file.flush()
        player = subprocess.Popen(
            ["paplay", "--raw", "--format=s16le", "--channels=1", "--rate=48000", f"--device={sink}", file.name]
        )
        try:
            yield
        finally:
            player.terminate()
            player.wait(5)


async def talk(clerk: Person, colleague: Colleague) -> None:
    """Lift the handset and call a colleague, who answers."""
    await clerk.lift()
    await clerk.send(colleague.user)
    colleague.answers()
    await clerk.wait_for_call("active")


async def talk_to_both(office: Office, clerk: Person) -> None:
    """Call one colleague, put that call on hold, and call the other."""
    await talk(clerk, office.bob)
    await clerk.press("hold")
    await clerk.wait_for_call("held")
    await clerk.send(CAROL)
    office.carol.answers()
    await clerk.reads(f"Held: {BOB}")
    await clerk.wait_for_call("active")


async def hears(ear: Ear | Colleague, *users: str) -> None:
    """Wait until an ear hears these, and nothing of the others, for a whole window.

    Raises:
        AssertionError: it did not come to that.
    """
    listener = ear.phone if isinstance(ear, Colleague) else ear
    ends_at = time.monotonic() + PATIENCE_S
    while True:
        sound = await asyncio.to_thread(listener.last_heard, _WINDOW_S)
        levels = {user: level(sound, frequency) for user, frequency in TONES_HZ.items()}
        if all(value > _HEARD if user in users else value < _NOT_HEARD for user, value in levels.items()):
            return
        assert time.monotonic() < ends_at, f"heard {levels}, not just {users}"
        await asyncio.sleep(_POLL_S)
