"""The handset's side of its simulator: devices that are seen and used in another process."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from drivers.simulator.devices import (
    Layout,
    RemoteKeypad,
    SimulatedHookSwitch,
    SimulatedIndicator,
    SimulatedRingerLight,
)
from drivers.simulator.display import Shown, SimulatedDisplay
from drivers.simulator.journal import MOST_ENTRIES
from drivers.simulator.messages import (
    FROM_SIMULATOR,
    SOCKET_NAME,
    FamilyChosen,
    FrameShown,
    FromSimulator,
    HookMoved,
    KeyReported,
    Noted,
    PhoneDescribed,
    StateShown,
    encode,
    received,
)

logger = logging.getLogger(__name__)

_RETRY_S: Final = 0.1
_PATIENCE_S: Final = 0.3


class SimulatedDevices(Shown):
    """The devices of a handset whose person is at a simulator's page.

    The simulator may come late, end and come again: it is told anew what is shown, and the devices keep their state
    meanwhile. Callbacks arrive in the event loop in which `start` ran.

    Attributes:
        keypad, hook_switch, display, indicator: the devices, as the firmware's ports want them.
        ringer_light: shows on the page that the phone rings; a ringer without sound.
    """

    def __init__(
        self,
        runtime_dir: Path,
        keys: Layout,
        *,
        repeat_after_ms: int = 500,
        repeat_every_ms: int = 120,
        long_press_ms: int = 1000,
        family: str = "oled_128x64",
        glyphs: Sequence[Sequence[int]] = (),
    ) -> None:
        """Make the devices; `runtime_dir` has the simulator's socket, and `Simulator` says what all else is."""
        self.keypad = RemoteKeypad()
        self.hook_switch = SimulatedHookSwitch(self._wake)
        self.display = SimulatedDisplay(self._wake, family)
        self.indicator = SimulatedIndicator(self._wake)
        self.ringer_light = SimulatedRingerLight(self._wake)
        self._description = PhoneDescribed(
            tuple(tuple(line) for line in keys),
            repeat_after_ms,
            repeat_every_ms,
            long_press_ms,
            family,
            tuple(tuple(glyph) for glyph in glyphs),
        )
        self._socket_path = runtime_dir / SOCKET_NAME
        self._notes: deque[str] = deque(maxlen=MOST_ENTRIES)
        self._changed = asyncio.Event()
        self._heard = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_lock = threading.Lock()
        self._task: asyncio.Task[None] | None = None

    def note(self, text: str) -> None:
        """Add a line to what the page tells of the phone's doings."""
        self._notes.append(text)
        self._wake()

    async def start(self) -> None:
        """Connect with the simulator, now or as soon as there is one.

        Where one is there the hook switch's state is its person's from here on.
        """
        with self._loop_lock:
            self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._keep_connected(), name="simulator")
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await self._heard.wait()

    def stop(self) -> None:
        """Hang up."""
        with self._loop_lock:
            self._loop = None
        if self._task is not None:
            self._task.cancel()

    def _wake(self) -> None:
        """Let the simulator be told what is new; from any thread."""
        with self._loop_lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._changed.set)

    async def _keep_connected(self) -> None:
        is_told = False
        while True:
            try:
                await self._converse()
                is_told = False
            except OSError as error:
                if not is_told:
                    logger.warning("No simulator shows the handset (%s). To start one: wecall simulator", error)
                is_told = True
            await asyncio.sleep(_RETRY_S)

    async def _converse(self) -> None:
        """Tell a simulator all that is shown and hear all that is done, until it has gone."""
        reader, writer = await asyncio.open_unix_connection(self._socket_path)
        writer.write(encode(replace(self._description, family=self.family)))
        sender = asyncio.create_task(self._send_changes(writer))
        try:
            async for message in received(reader, FROM_SIMULATOR):
                self._apply(message)
        finally:
            sender.cancel()
            writer.close()

    async def _send_changes(self, writer: asyncio.StreamWriter) -> None:
        """Send what is new; a simulator that is slow misses frames and is never behind by more than one."""
        sent_frame: bytes | None = None
        sent_state: StateShown | None = None
        with suppress(ConnectionError):
            while True:
                self._changed.clear()
                if (frame := self.display.frame) != sent_frame:
                    writer.write(encode(FrameShown(frame)))
                    sent_frame = frame
                if (state := self._state) != sent_state:
                    writer.write(encode(state))
                    sent_state = state
                while self._notes:
                    writer.write(encode(Noted(self._notes.popleft())))
                await writer.drain()
                await self._changed.wait()

    @property
    def _state(self) -> StateShown:
        return StateShown(
            self.indicator.pattern,
            self.ringer_light.is_ringing,
            self.display.brightness_percent,
            self.display.text,
        )

    def _apply(self, message: FromSimulator) -> None:
        match message:
            case KeyReported(key=key, action=action):
                self.keypad.report(key, action)
            case HookMoved(off_hook=off_hook):
                self.hook_switch.move(off_hook=off_hook)
                self._heard.set()
            case FamilyChosen(family=family):
                self.display.choose(family)
