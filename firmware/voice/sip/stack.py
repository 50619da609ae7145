"""The SIP user agent as the rest of the handset sees it: a queue, and a thread that owns all that pjsua2 makes."""

import logging
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from contract.calls import DisconnectReason
from firmware.base.errors import SipError
from firmware.phone.call import CallState
from firmware.phone.news import CallStateChanged, MessageSent, Problem, ProblemCleared, ProblemRaised, VoiceNews
from firmware.phone.orders import LineOrder, PlaceCall, SendMessage
from firmware.voice.sip.bridge import ConferenceBridge
from firmware.voice.sip.scheduler import Scheduler
from firmware.voice.sip.settings import SipSettings

if TYPE_CHECKING:
    from firmware.base.heartbeats import Heartbeat
    from firmware.voice.sip.endpoint import BuildReport
    from firmware.voice.sip.engine import Engine

_log = logging.getLogger(__name__)

_IDLE_S: Final = 2.0
_RESTART_S: Final = 30.0
_STOP_S: Final = 5.0
_loading: Final = threading.Lock()
_WAKE_UP: Final = b"\r\n\r\n"  # a keep-alive: pjsip takes it in and ignores it (RFC 5626 section 3.5.1)


def load_engine() -> "type[Engine]":
    """Load the SIP library, which takes longer than everything else in here; from any thread.

    A machine without the library still has a phone that says so.

    Raises:
        ImportError: there is none.
    """
    # Python gives a thread that waited for another's import the module even where that has failed.
    with _loading:
        from firmware.voice.sip.engine import Engine  # noqa: PLC0415

        return Engine


class PjsuaStack:
    """A SipStack on pjsua2; one a process, since the library is a singleton.

    Every method only queues and wakes the `sip` thread; what follows arrives as events, on that thread.
    """

    def __init__(self, settings: SipSettings, heartbeat: "Heartbeat") -> None:
        """Set up without starting.

        Args:
            settings: the account and how to behave.
            heartbeat: called by the `sip` thread at every turn.
        """
        self._settings = settings
        self._heartbeat = heartbeat
        self._bridge = ConferenceBridge(settings.clock_rate_hz, settings.frame_ms)
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._scheduler = Scheduler()
        self._post: Callable[[VoiceNews], None] = _ignore
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._engine: Engine | None = None
        self._waker: socket.socket | None = None
        self._wake_port = 0
        self._last_problem = ""

    @property
    def audio_port(self) -> ConferenceBridge:
        """The audio path; silent until the library is up."""
        return self._bridge

    @property
    def build_report(self) -> "BuildReport | None":
        """What the library is and can do; None until it is up."""
        engine = self._engine
        return engine.build_report if engine is not None else None

    def start(self, post: Callable[[VoiceNews], None]) -> None:
        """Start the `sip` thread, which begins to register at once.

        Args:
            post: takes events, on the `sip` thread; must not block.
        """
        self._post = post
        self._stopping.clear()
        self._waker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._waker.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="sip", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hang up, unregister and destroy the library; takes some two seconds at most, when the server is gone."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping.set()
        self._request(lambda: None)
        thread.join(_STOP_S)
        if thread.is_alive():
            _log.error("The SIP stack did not stop within %.0f s; it is left behind.", _STOP_S)
            return
        if self._waker is not None:
            self._waker.close()
            self._waker = None

    # --- requests ----------------------------------------------------------------------------------------------------

    def order(self, order: LineOrder) -> None:
        """Have something done with calls or a text message, registered or not."""

        def do() -> None:
            if self._engine is not None:
                self._engine.do(order)
            elif isinstance(order, PlaceCall):
                self._post(CallStateChanged(order.call_id, CallState.DISCONNECTED, DisconnectReason.UNREACHABLE))
            elif isinstance(order, SendMessage):
                self._post(MessageSent(order.message_id, accepted=False))

        self._request(do)

    def hang_up_all(self) -> None:
        """End every call."""

        def hang_up_all() -> None:
            if self._engine is not None:
                self._engine.hang_up_all()

        self._request(hang_up_all)

    def _request(self, action: Callable[[], None]) -> None:
        self._requests.put(action)
        port, waker = self._wake_port, self._waker
        if port and waker is not None:
            try:
                waker.sendto(_WAKE_UP, ("127.0.0.1", port))
            except OSError as error:
                # The thread wakes by itself soon, only later than it could.
                _log.debug("The SIP thread could not be woken: %s", error)

    # --- the `sip` thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            engine = self._start_engine()
            if engine is None:
                self._wait_without_engine(_RESTART_S)
                continue
            while not self._stopping.is_set():
                self._heartbeat()
                self._run_requests()
                self._run_guarded(self._scheduler.run_due)
                self._run_guarded(engine.follow_network)
                # Whoever queues after this point sends a datagram, which ends the wait.
                if self._requests.empty():
                    engine.poll(self._scheduler.wait_s(_IDLE_S))
            self._wake_port = 0
            engine.stop()
            self._engine = None

    def _start_engine(self) -> "Engine | None":
        try:
            # On this thread, so that the rest of the handset starts meanwhile.
            engine_type = load_engine()
        except ImportError as error:
            self._report_problem(
                Problem.SIP_LIBRARY_MISSING,
                f"The SIP library pjsua2 cannot be loaded ({error}). Install it as docs/installing.md describes.",
            )
            return None
        engine = engine_type(self._settings, self._bridge, self._scheduler, self._post, self._request)
        try:
            engine.start()
        except SipError as error:
            self._scheduler.clear()
            self._post(ProblemCleared(Problem.SIP_LIBRARY_MISSING))
            self._report_problem(Problem.SIP_UNAVAILABLE, str(error))
            return None
        self._last_problem = ""
        self._wake_port = engine.wake_port
        self._engine = engine
        self._post(ProblemCleared(Problem.SIP_UNAVAILABLE))
        self._post(ProblemCleared(Problem.SIP_LIBRARY_MISSING))
        return engine

    def _report_problem(self, problem: Problem, detail: str) -> None:
        # It is tried again and again, and is no news until it works or fails otherwise.
        if detail != self._last_problem:
            _log.error("%s", detail)
        self._last_problem = detail
        self._post(ProblemRaised(problem, detail))

    def _wait_without_engine(self, duration_s: float) -> None:
        """Turn calls away while there is nothing to place them with."""
        deadline = time.monotonic() + duration_s
        while not self._stopping.is_set() and time.monotonic() < deadline:
            self._heartbeat()
            try:
                self._run_guarded(self._requests.get(timeout=_IDLE_S))
            except queue.Empty:
                continue

    def _run_requests(self) -> None:
        while True:
            try:
                action = self._requests.get_nowait()
            except queue.Empty:
                return
            self._run_guarded(action)

    @staticmethod
    def _run_guarded(action: Callable[[], None]) -> None:
        # One request that fails must not take the thread, and with it every later call, along.
        try:
            action()
        except Exception:  # noqa: BLE001 - whatever it is, the next request may succeed
            _log.exception("A request of the SIP thread failed.")


def _ignore(_event: VoiceNews) -> None:
    """Take events before anybody wants them."""
