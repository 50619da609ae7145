"""A PjsuaStack under test, with its events to wait for, a voice of its own and an ear."""

import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self, TypeVar

from firmware.phone.call import CallId, CallState, RegistrationState
from firmware.phone.events import Event
from firmware.phone.news import (
    CallAudioChanged,
    CallStateChanged,
    CallTextReceived,
    IncomingCallReceived,
    RegistrationChanged,
)
from firmware.phone.orders import AnswerCall, HangUpCall
from firmware.voice.sip.settings import SipSettings
from firmware.voice.sip.stack import PjsuaStack
from tests.lab.arrivals import Arrivals
from tests.lab.audio import Sound, tone
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.priority import REST_S, carry_sound
from tests.lab.scripted_peer import ScriptedPeer, SipMessage

_E = TypeVar("_E", bound=Event)

EAR_S = 20.0


class EventInbox:
    """Everything that a stack has told, in order."""

    def __init__(self) -> None:
        self.when_posted: Callable[[Event], None] | None = None
        self._told = Arrivals[tuple[float, Event]]("the phone")
        self._living: set[CallId] = set()

    @property
    def events(self) -> list[tuple[float, Event]]:
        """Those that have not been waited for, each with when it came by the monotonic clock."""
        return self._told.since()

    def post(self, event: Event) -> None:
        """Take an event; also what a stack that is started by hand is given."""
        if self.when_posted is not None:
            self.when_posted(event)
        if isinstance(event, IncomingCallReceived):
            self._living.add(event.call_id)
        elif isinstance(event, CallStateChanged):
            (self._living.discard if event.state is CallState.DISCONNECTED else self._living.add)(event.call_id)
        self._told.add((time.monotonic(), event))

    def wait_for(
        self, kind: type[_E], where: Callable[[_E], bool] = lambda _event: True, timeout_s: float = PATIENCE_S
    ) -> _E:
        """Return the first such event that has not been waited for yet.

        Raises:
            AssertionError: none came in time.
        """
        _, event = self._told.take(
            lambda told: isinstance(told[1], kind) and where(told[1]), f"such {kind.__name__}", timeout_s
        )
        assert isinstance(event, kind)
        return event

    def wait_for_registration(self, state: RegistrationState, timeout_s: float = PATIENCE_S) -> RegistrationChanged:
        """Wait until the registration is in this state."""
        return self.wait_for(RegistrationChanged, lambda event: event.state is state, timeout_s)

    def wait_for_call(self, call_id: CallId, state: CallState, timeout_s: float = PATIENCE_S) -> CallStateChanged:
        """Wait until a call is in this state."""
        return self.wait_for(
            CallStateChanged, lambda event: event.call_id == call_id and event.state is state, timeout_s
        )

    def end_calls(self, order: Callable[[HangUpCall], None], timeout_s: float = PATIENCE_S) -> None:
        """Hang every call up and wait until all are over."""
        for call_id in tuple(self._living):
            order(HangUpCall(call_id))
        self._told.wait_for(lambda _: not self._living, "end of all calls", timeout_s=timeout_s)

    def forget(self) -> None:
        """Drop the events so far."""
        self._told.forget()


class TextReader:
    """Reads what a phone hears of real-time text.

    Attributes:
        text: what is to be read now.
        letters: each letter that came, with when by the monotonic clock.
    """

    def __init__(self, phone: EventInbox) -> None:
        self.text = ""
        self.letters: list[tuple[float, str]] = []
        phone.when_posted = self._take

    def wait_for(self, text: str) -> None:
        """Wait until so much is to be read, and see that it is just this.

        Raises:
            AssertionError: it is something else.
        """
        wait_until(lambda: len(self.text) >= len(text), "the text is there")
        wait_until(lambda: self.text == text, f"it is {text!r}")

    def forget(self) -> None:
        """Forget what came."""
        self.text = ""
        self.letters.clear()

    def _take(self, event: Event) -> None:
        if isinstance(event, CallTextReceived):
            self.text = self.text[: len(self.text) - event.erased] + event.text
            self.letters += [(time.monotonic(), letter) for letter in event.text]


class SipLine(EventInbox):
    """The stack with its audio port pumped: it speaks the tone that it is told to, or silence."""

    def __init__(self, settings: SipSettings, *, ear_s: float = EAR_S) -> None:
        super().__init__()
        self.beat = threading.Event()
        self.stack = PjsuaStack(settings, self._beat)
        self._stopping = threading.Event()
        self._pump = threading.Thread(target=self._pump_audio, name="audio", daemon=True)
        self._voice: Iterator[bytes] | None = None
        port = self.stack.audio_port
        self._ear = Arrivals[bytes]("the ear", round(ear_s * port.rate_hz / port.frame_samples))
        self.heard = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the stack and the pump."""
        self.stack.start(self.post)
        self._pump.start()

    def stop(self) -> None:
        """Stop both; harmless when done already."""
        self.stack.stop()
        self._stopping.set()
        if self._pump.ident is not None:
            self._pump.join()
        # A test may have many libraries in one process, one after the other: what is left of this one goes before the
        # next one is made, which may be in another thread than whoever happens to collect garbage meanwhile.
        gc.collect()

    def say(self, frequency_hz: float) -> None:
        """Speak this tone from now on; it must be a multiple of 100 Hz."""
        port = self.stack.audio_port
        # A tenth of a second holds whole periods, so that it can be repeated without a click.
        wave = tone([frequency_hz], 0.1, rate_hz=port.rate_hz, ramp_s=0).pcm
        size = 2 * port.frame_samples
        self._voice = itertools.cycle([wave[start : start + size] for start in range(0, len(wave), size)])

    def take_call(self, peer: ScriptedPeer, body: str) -> tuple[CallId, SipMessage]:
        """Let a scripted peer call with an offer, answer it, and return the call and our answer once sound flows."""
        peer.invite("alice", body=body)
        call_id = self.wait_for(IncomingCallReceived).call_id
        self.stack.order(AnswerCall(call_id))
        answer = peer.receive(200)
        peer.establish(answer)
        peer.acknowledge(answer)
        self.wait_for_call(call_id, CallState.ACTIVE)
        self.wait_for(CallAudioChanged, lambda event: event.receiving and event.sending)
        return call_id, answer

    def last_heard(self, duration_s: float) -> Sound:
        """Return the last of what came to the ear."""
        port = self.stack.audio_port
        return self._sound(self._ear.newest(round(duration_s * port.rate_hz / port.frame_samples)))

    def mark(self) -> int:
        """Return what `heard_since` is to be given for what comes to the ear from now on."""
        return self._ear.mark()

    def heard_since(self, mark: int) -> Sound:
        """Return what has come to the ear after a mark."""
        return self._sound(self._ear.since(mark))

    def _sound(self, frames: list[bytes]) -> Sound:
        return Sound.from_pcm(b"".join(frames), self.stack.audio_port.rate_hz)

    def _beat(self) -> None:
        self.beat.set()

    def _pump_audio(self) -> None:
        carry_sound(threading.get_native_id())
        port = self.stack.audio_port
        port.attach()
        period_s = port.frame_samples / port.rate_hz
        due = time.monotonic()
        silence = bytes(2 * port.frame_samples)
        while not self._stopping.is_set():
            voice = self._voice
            frame = port.exchange(next(voice) if voice is not None else None)
            self._ear.add(frame)
            if frame != silence:
                self.heard.set()
            due += period_s
            self._stopping.wait(max(REST_S, due - time.monotonic()))
