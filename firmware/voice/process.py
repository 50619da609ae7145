"""The voice process: SIP and sound, which do what the handset orders and say what happens."""

import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firmware.base import logs
from firmware.base.heartbeats import Health, SystemdNotifier
from firmware.phone.orders import PlaceCall
from firmware.voice import channel
from firmware.voice.book import Book
from firmware.voice.channel import ClosedError, RefusedError
from firmware.voice.messages import (
    AskReport,
    Configure,
    Hello,
    Leave,
    News,
    Order,
    OrderTaken,
    decode_order,
    encode,
)
from firmware.voice.settings import unpack

if TYPE_CHECKING:
    from firmware.voice.instruments import Instruments

_log = logging.getLogger(__name__)

_MAIN_LIMIT_S: Final = 20.0
_LOOK_S: Final = 5.0
# Nobody can hang up a call at a phone whose handset does not come back.
_ORPHANED_S: Final = 120.0
# The audio thread has 10 ms for a period and waits this long for each thread that computes (docs/adr/0070).
_SWITCH_INTERVAL_S: Final = 0.0005
_MOST_SETTINGS_BYTES: Final = 8_000_000


def run(runtime_dir: Path, *, verbose: bool = False) -> int:
    """Carry calls and sound for the handset until SIGTERM, or until it wants no more of it; return the exit code."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    logs.set_up(logging.DEBUG if verbose else logging.INFO)
    voice = Voice(runtime_dir / channel.SOCKET_NAME)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: voice.stop())
    # Loaded while the handset reads its configuration.
    threading.Thread(target=_load, name="load", daemon=True).start()
    voice.run()
    return 0


def _load() -> None:
    with suppress(ImportError):
        import_module("firmware.voice.instruments")
        from firmware.voice.sip.stack import load_engine  # noqa: PLC0415

        load_engine()


class Voice:
    """Meets the handset on its socket, again and again; its calls and its sound outlive a connection."""

    def __init__(self, path: Path) -> None:
        """`path` is the handset's socket."""
        self._path = path
        self._health = Health()
        self._beat = self._health.register("main", _MAIN_LIMIT_S)
        self._notifier = SystemdNotifier()
        self._fed_s = 0.0
        self._book = Book()
        # Held while something is told, so that each handset hears all of it and in order.
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._instruments: Instruments | None = None
        self._settings = ""
        self._is_stopping = False
        self._woken, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def stop(self) -> None:
        """Have `run` end, from a signal's handler or any thread."""
        self._is_stopping = True
        with suppress(BlockingIOError):
            os.write(self._waker, b"x")

    def run(self) -> None:
        """Serve one handset after another."""
        self._notifier.ready()
        self._notifier.status("Waits for the handset.")
        alone_since_s = time.monotonic()
        while not self._is_stopping:
            if (connection := channel.connect(self._path)) is not None:
                try:
                    has_served = self._serve(connection)
                finally:
                    self._hang_on(connection)
                if has_served:
                    alone_since_s = time.monotonic()
                    self._notifier.status("Waits for the handset.")
            self._wait_alone(time.monotonic() - alone_since_s)
        self._notifier.stopping()
        if self._instruments is not None:
            self._instruments.stop()
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def tell(self, news: News) -> None:
        """Tell the handset, or keep it for the next; from any thread."""
        with self._lock:
            is_heard = False
            if (connection := self._connection) is not None:
                try:
                    channel.send(connection, encode(news))
                    is_heard = True
                except ClosedError:
                    self._lose(connection)
            self._book.note(news, heard=is_heard)

    # --- the connection -----------------------------------------------------------------------------------------------

    def _serve(self, connection: socket.socket) -> bool:
        """Do what is ordered until the connection ends; False where nothing was: its other end turned voice away."""
        has_served = False
        with self._lock:
            try:
                channel.send(connection, encode(Hello(channel.PROGRAM, self._settings)))
                for news in self._book.tell():
                    channel.send(connection, encode(news))
            except ClosedError:
                return False
            self._connection = connection
        poller = select.poll()
        poller.register(connection, select.POLLIN)
        poller.register(self._woken, select.POLLIN)
        while not self._is_stopping:
            self._show_life()
            ready = poller.poll(_LOOK_S * 1000)
            if not any(descriptor == connection.fileno() for descriptor, _ in ready):
                continue
            try:
                data, file = channel.receive(connection)
            except (ClosedError, RefusedError):
                break
            if not has_served:
                has_served = True
                with self._lock:
                    self._book.texts_heard()
                _log.info("The handset is there.")
                self._notifier.status("Does what the handset orders.")
            try:
                self._take(decode_order(data), file)
            except RefusedError as error:
                _log.error("The handset's order is not understood: %s Is it of another version?", error)
            finally:
                channel.close(file)
        return has_served

    def _lose(self, connection: socket.socket) -> None:
        """Give up a connection that takes nothing any more; the main thread sees its end."""
        self._connection = None
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    def _hang_on(self, connection: socket.socket) -> None:
        """Go on without a handset: calls keep their sound, and nothing else has any."""
        if self._is_stopping and self._connection is connection:
            # What the ends of calls say is still to be heard.
            return
        with self._lock:
            self._connection = None
            has_calls = self._book.has_calls
        connection.close()
        if self._instruments is not None:
            self._instruments.handset_gone(has_calls=has_calls)

    def _wait_alone(self, duration_s: float) -> None:
        self._show_life()
        if duration_s > _ORPHANED_S and self._instruments is not None:
            with self._lock:
                has_calls = self._book.has_calls
            if has_calls:
                _log.warning("The handset does not come back; its calls are ended.")
                self._instruments.end_calls()
        # A handset that starts is there soon; one that does not, costs little.
        pause_s = 0.01 if duration_s < 10 else 0.1 if duration_s < 60 else 1.0  # noqa: PLR2004 - a table
        poller = select.poll()
        poller.register(self._woken, select.POLLIN)
        poller.poll(pause_s * 1000)

    def _show_life(self) -> None:
        self._beat()
        if time.monotonic() >= self._fed_s + _LOOK_S:
            self._fed_s = time.monotonic()
            self._notifier.feed(self._health)

    # --- orders -------------------------------------------------------------------------------------------------------

    def _take(self, order: Order, file: int | None) -> None:
        match order:
            case Configure():
                self._configure(_content(file))
            case Leave():
                self.stop()
            case _ if self._instruments is not None:
                self._do(self._instruments, order, file)
            case _:
                _log.debug("An order came before the settings: %s", type(order).__name__)

    def _do(self, instruments: "Instruments", order: Order, file: int | None) -> None:
        if isinstance(order, AskReport):
            self.tell(instruments.report())
            return
        with self._lock:
            # A call for help is ordered again until it is said to be dialled.
            is_known = isinstance(order, PlaceCall) and self._book.knows(order.call_id)
            if not is_known:
                self._book.note_order(order)
        if not is_known:
            instruments.do(order, file)
        if isinstance(order, PlaceCall):
            self.tell(OrderTaken(order.call_id))

    def _configure(self, data: bytes) -> None:
        settings = sha256(data).hexdigest()
        if self._instruments is not None:
            if settings != self._settings:
                _log.info("There are other settings; the next start takes them.")
                self.stop()
            return
        from firmware.voice.instruments import Instruments  # noqa: PLC0415 - loaded while the handset is waited for

        self._instruments = Instruments(unpack(data), self._health, self.tell)
        self._settings = settings
        self._instruments.start()


def _content(file: int | None) -> bytes:
    """Return what is in a file that came with an order.

    Raises:
        RefusedError: there is none, or too much in it.
    """
    if file is None or (size := os.fstat(file).st_size) > _MOST_SETTINGS_BYTES:
        raise RefusedError("An order came without its file, or with too large a one.")
    return os.pread(file, size, 0)
