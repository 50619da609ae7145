"""The handset's first moments: SIP registers while the rest is still being loaded.

A phone that is not registered cannot be called. What is imported here, before the SIP thread has sent its first
REGISTER, is therefore only what that takes; the display, the store, asyncio and all else follow in firmware.app.
"""

import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware import logs
from firmware.config import LoadedConfiguration, load
from firmware.health.heartbeats import Health
from firmware.local_time import use_zone
from firmware.phone.events import Event
from firmware.settings.line import sip_settings
from firmware.sip.stack import PjsuaStack

_log = logging.getLogger(__name__)

SIP_LIMIT_S: Final = 20.0
"""How long the SIP thread may go without a sign of life."""

# While the SIP thread loads its library the main thread stays out of its way, but no longer than a person would notice.
_HEAD_START_S: Final = 0.3
# The audio thread has 10 ms for a period and waits this long for each thread that computes (docs/adr/0070).
_SWITCH_INTERVAL_S: Final = 0.0005


@dataclass(frozen=True, slots=True)
class Options:
    """What `wecall run` was told.

    Attributes:
        configuration: the file to run with.
        state_dir: where the encrypted store is.
        runtime_dir: where the local sockets go.
        simulator_port: show the devices as a page on this local port; None drives the Pi's pins.
        verbose: log more.
    """

    configuration: Path
    state_dir: Path
    runtime_dir: Path
    simulator_port: int | None = None
    verbose: bool = False


class Inbox:
    """Keeps events until somebody takes them, and passes them on from then on; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Event] = []
        self._post: Callable[[Event], None] | None = None
        self._arrived = threading.Event()

    def post(self, event: Event) -> None:
        """Take an event."""
        with self._lock:
            if self._post is None:
                self._waiting.append(event)
                self._arrived.set()
            else:
                self._post(event)

    def wait(self, timeout_s: float) -> None:
        """Wait until the first event has come."""
        self._arrived.wait(timeout_s)

    def open(self, post: Callable[[Event], None]) -> None:
        """Hand over what has come, and everything from now on; `post` must not block."""
        with self._lock:
            for event in self._waiting:
                post(event)
            self._waiting.clear()
            self._post = post


@dataclass(frozen=True, slots=True)
class Early:
    """What runs before the rest is loaded.

    Attributes:
        loaded: the configuration.
        health: knows the SIP thread already.
        sip: the SIP stack, started; None where there is no account.
        inbox: where its events wait.
    """

    loaded: LoadedConfiguration
    health: Health
    sip: PjsuaStack | None
    inbox: Inbox


def start_early(options: Options) -> Early:
    """Read the configuration and begin to register."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    logs.set_up(logging.DEBUG if options.verbose else logging.INFO)
    for folder in (options.state_dir, options.runtime_dir):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            _log.error("The folder %s cannot be made: %s", folder, error.strerror)
    loaded, health, inbox = load(options.configuration, options.state_dir), Health(), Inbox()
    use_zone(loaded.configuration.device.time_zone if loaded.configuration is not None else None)
    if loaded.configuration is None:
        return Early(loaded, health, None, inbox)
    sip = PjsuaStack(sip_settings(loaded.configuration), health.register("sip", SIP_LIMIT_S))
    sip.start(inbox.post)
    inbox.wait(_HEAD_START_S)
    return Early(loaded, health, sip, inbox)
