"""A handset's devices and their simulator in one event loop, for tests that look at the page."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from drivers.simulator.handset import SimulatedDevices
from drivers.simulator.messages import FrameShown
from drivers.simulator.server import Simulator
from drivers.simulator.service import SimulatorService
from tests.lab.patience import PATIENCE_S


class PhoneWithPage(SimulatedDevices):
    """Devices that are started, with the simulator at the other end of their socket."""

    def __init__(
        self,
        keys: tuple[tuple[str, ...], ...],
        *,
        port: int = 0,
        family: str = "oled_128x64",
        glyphs: tuple[tuple[int, ...], ...] = (),
    ) -> None:
        self._folder = TemporaryDirectory()
        super().__init__(Path(self._folder.name), keys, family=family, glyphs=glyphs)
        self._service = SimulatorService(Path(self._folder.name), port)
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The page's address."""
        return self._service.url

    @property
    def simulator(self) -> Simulator:
        """What serves the page."""
        assert self._service.simulator is not None
        return self._service.simulator

    async def begin(self) -> None:
        """Start the simulator and connect with it."""
        self._serving = asyncio.create_task(self._service.run())
        for device in (self.keypad, self.hook_switch, self.display, self.indicator):
            device.start()
        await self.start()
        await self.settle()

    async def end(self) -> None:
        """Stop both."""
        self.stop()
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        self._folder.cleanup()

    async def settle(self) -> None:
        """Wait until the simulator knows all that the devices show."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                simulator = self._service.simulator
                shown = FrameShown(self.display.family.name, self.display.frame)
                if simulator is not None and (simulator.shown, simulator.state) == (shown, self.state):
                    return
                await asyncio.sleep(0)
