"""The handset's side of its simulator: devices that are seen and used in another process."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from drivers.simulator.devices import (
    Layout,
    SimulatedHookSwitch,
    SimulatedIndicator,
    SimulatedKeypad,
    SimulatedRingerLight,
)
from drivers.simulator.display import SimulatedDisplay
from drivers.simulator.messages import (
    FROM_SIMULATOR,
    MOST_LINES,
    SOCKET_NAME,
    DisplayChosen,
    FrameShown,
    FromSimulator,
    HookMoved,
    KeyDown,
    KeyUp,
    Noted,
    PageClosed,
    PageSaid,
    PhoneDescribed,
    PhoneState,
    Typed,
    encode,
    received,
)

logger = logging.getLogger(__name__)

_RETRY_S: Final = 0.1
_PATIENCE_S: Final = 0.3


class SimulatedDevices:
    """The devices of a handset whose person is at a simulator's page.

    The simulator may come late, end and come again: it is told anew what is shown, and the devices keep their state
    meanwhile. Callbacks arrive in the event loop in which `start` ran.

    Attributes:
        keypad, hook_switch, display, indicator: the devices, as the firmware's ports want them.
        ringer_light: shows on the page that the phone rings; a ringer without sound.
        when_typed: called with letters of the computer's keyboard.
    """

    when_typed: Callable[[str], None] | None = None

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
        """Make the devices.

        Args:
            runtime_dir: has the simulator's socket.
            keys: the key layout, one line a row.
            repeat_after_ms: how long a key is down before it repeats.
            repeat_every_ms: how often it does then.
            long_press_ms: how long a key is down before it counts as held.
            family: the display to begin with.
            glyphs: what the codes 0 to 7 of a display of letters look like: eight rows of five dots.
        """
        self.keypad = SimulatedKeypad(
            keys,
            self._wake,
            repeat_after_ms=repeat_after_ms,
            repeat_every_ms=repeat_every_ms,
            long_press_ms=long_press_ms,
        )
        self.hook_switch = SimulatedHookSwitch(self._wake)
        self.display = SimulatedDisplay(self._wake, family)
        self.indicator = SimulatedIndicator(self._wake)
        self.ringer_light = SimulatedRingerLight(self._wake)
        self._description = PhoneDescribed(keys, tuple(tuple(glyph) for glyph in glyphs))
        self._socket_path = runtime_dir / SOCKET_NAME
        self._is_writing = False
        self._notes: deque[str] = deque(maxlen=MOST_LINES)
        self._changed = asyncio.Event()
        self._heard = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_lock = threading.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def family(self) -> str:
        """The display family that is shown."""
        return self.display.family.name

    @property
    def when_family_changed(self) -> Callable[[str], None] | None:
        """What is called when a page has chosen another display; see SimulatedDisplay."""
        return self.display.when_family_changed

    @when_family_changed.setter
    def when_family_changed(self, callback: Callable[[str], None] | None) -> None:
        self.display.when_family_changed = callback

    @property
    def state(self) -> PhoneState:
        """All that is seen of the phone but the frame."""
        return PhoneState(
            off_hook=self.hook_switch.is_off_hook,
            indicator=self.indicator.pattern,
            ringing=self.ringer_light.is_ringing,
            keys_down=self.keypad.keys_down,
            brightness_percent=self.display.brightness_percent,
            text=self.display.text,
            is_writing=self._is_writing,
        )

    def describe(self, text: str, *, is_writing: bool = False) -> None:
        """Say in words what the display shows now, for those who do not see it, and whether letters are taken."""
        self._is_writing = is_writing
        self.display.describe(text)

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
        writer.write(encode(self._description))
        sender = asyncio.create_task(self._send_changes(writer))
        try:
            async for message in received(reader, FROM_SIMULATOR):
                self._apply(message)
        finally:
            sender.cancel()
            writer.close()
            self.keypad.let_go()

    async def _send_changes(self, writer: asyncio.StreamWriter) -> None:
        """Send what is new; a simulator that is slow misses frames and is never behind by more than one."""
        sent_frame: FrameShown | None = None
        sent_state: PhoneState | None = None
        with suppress(ConnectionError):
            while True:
                self._changed.clear()
                family, bytes_shown = self.display.shown
                if (frame := FrameShown(family.name, bytes_shown)) != sent_frame:
                    writer.write(encode(frame))
                    sent_frame = frame
                if (state := self.state) != sent_state:
                    writer.write(encode(state))
                    sent_state = state
                while self._notes:
                    writer.write(encode(Noted(self._notes.popleft())))
                await writer.drain()
                await self._changed.wait()

    def _apply(self, message: FromSimulator) -> None:
        match message:
            case PageSaid(page, KeyDown(key)):
                self.keypad.press(key, page)
            case PageSaid(page, KeyUp(key)):
                self.keypad.release(key, page)
            case PageSaid(_, Typed(text)):
                if self.when_typed is not None:
                    self.when_typed(text)
            case PageSaid(_, DisplayChosen(family)):
                self.display.choose(family)
            case HookMoved(off_hook) | PageSaid(_, HookMoved(off_hook)):
                self.hook_switch.move(off_hook=off_hook)
                self._heard.set()
            case PageClosed(page):
                self.keypad.release_all(page)
