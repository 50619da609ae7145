"""A PjsuaStack under test, with its events to wait for and its audio port pumped."""

import threading
import time
from collections.abc import Callable
from typing import Self, TypeVar

from firmware.phone.call import CallId, CallState, RegistrationState
from firmware.phone.events import CallStateChanged, Event, RegistrationChanged
from firmware.sip import PjsuaStack, SipSettings

_E = TypeVar("_E", bound=Event)


class SipLine:
    """The stack, and everything that it has told, in order."""

    def __init__(self, settings: SipSettings) -> None:
        self.beat = threading.Event()
        self.events: list[tuple[float, Event]] = []
        self.stack = PjsuaStack(settings, self._beat)
        self.when_posted: Callable[[Event], None] | None = None
        self._arrived = threading.Condition()
        self._stopping = threading.Event()
        self._pump = threading.Thread(target=self._pump_audio, name="audio", daemon=True)
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

    def wait_for(self, kind: type[_E], where: Callable[[_E], bool] = lambda _event: True, timeout_s: float = 10) -> _E:
        """Return the first such event that has not been waited for yet.

        Raises:
            AssertionError: none came in time.
        """
        taken: list[_E] = []

        def found() -> bool:
            for position, (_, event) in enumerate(self.events):
                if isinstance(event, kind) and where(event):
                    del self.events[position]
                    taken.append(event)
                    return True
            return False

        with self._arrived:
            assert self._arrived.wait_for(found, timeout_s), f"no such {kind.__name__}; still here: {self.events}"
        return taken[0]

    def wait_for_registration(self, state: RegistrationState, timeout_s: float = 10) -> RegistrationChanged:
        """Wait until the registration is in this state."""
        return self.wait_for(RegistrationChanged, lambda event: event.state is state, timeout_s)

    def wait_for_call(self, call_id: CallId, state: CallState, timeout_s: float = 10) -> CallStateChanged:
        """Wait until a call is in this state."""
        return self.wait_for(
            CallStateChanged, lambda event: event.call_id == call_id and event.state is state, timeout_s
        )

    def forget(self) -> None:
        """Drop the events so far."""
        with self._arrived:
            self.events.clear()

    def _beat(self) -> None:
        self.beat.set()

    def post(self, event: Event) -> None:
        """Take an event; also what a stack that is started by hand is given."""
        if self.when_posted is not None:
            self.when_posted(event)
        with self._arrived:
            self.events.append((time.monotonic(), event))
            self._arrived.notify_all()

    def _pump_audio(self) -> None:
        port = self.stack.audio_port
        port.attach()
        period_s = port.frame_samples / port.rate_hz
        due = time.monotonic()
        silence = bytes(2 * port.frame_samples)
        while not self._stopping.is_set():
            if port.exchange(None) != silence:
                self.heard.set()
            due += period_s
            self._stopping.wait(max(0.0, due - time.monotonic()))
