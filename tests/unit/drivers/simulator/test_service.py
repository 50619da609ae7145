"""A handset and its simulator, each in place of a process of its own: either ends and comes again."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession

from drivers.errors import DeviceError
from drivers.simulator.handset import SimulatedDevices
from drivers.simulator.messages import SOCKET_NAME, FrameShown, encode
from drivers.simulator.service import SimulatorService
from tests.lab.patience import PATIENCE_S
from tests.lab.phone_page import PhonePage

KEYS = (("1", "2"), ("ok", "cancel"))
FRAME = b"\x0f" * 1024


@asynccontextmanager
async def simulator(folder: Path, port: int = 0) -> AsyncIterator[SimulatorService]:
    service = SimulatorService(folder, port)
    serving = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


class Phone(SimulatedDevices):
    """A handset that writes down what its person does."""

    def __init__(self, folder: Path, keys: tuple[tuple[str, ...], ...] = KEYS, family: str = "oled_128x64") -> None:
        super().__init__(folder, keys, long_press_ms=100, repeat_after_ms=50, repeat_every_ms=1000, family=family)
        self.reports: asyncio.Queue[str] = asyncio.Queue()
        self.keypad.when_pressed = self._reporter("pressed")
        self.keypad.when_repeated = self._reporter("repeated")
        self.keypad.when_held = self._reporter("held")
        self.hook_switch.when_lifted = lambda: self.reports.put_nowait("lifted")
        self.hook_switch.when_replaced = lambda: self.reports.put_nowait("replaced")
        self.when_family_changed = self._reporter("family")

    def _reporter(self, what: str) -> Callable[[str], None]:
        return lambda value: self.reports.put_nowait(f"{what} {value}")

    async def next_reports(self, count: int) -> list[str]:
        async with asyncio.timeout(PATIENCE_S):
            return [await self.reports.get() for _ in range(count)]


@asynccontextmanager
async def phone(
    folder: Path, keys: tuple[tuple[str, ...], ...] = KEYS, family: str = "oled_128x64"
) -> AsyncIterator[Phone]:
    devices = Phone(folder, keys, family)
    for device in (devices.keypad, devices.hook_switch, devices.display, devices.indicator):
        device.start()
    await devices.start()
    try:
        yield devices
    finally:
        devices.stop()


def show_something(devices: SimulatedDevices) -> None:
    devices.display.show(FRAME)
    devices.display.set_brightness(40)
    devices.describe("Dial a number")
    devices.indicator.show("slow_blink")
    devices.ringer_light.ring()
    devices.note("Somebody calls")


def shows_it(page: PhonePage) -> bool:
    wanted = {"indicator": "slow_blink", "ringing": True, "brightness_percent": 40, "text": "Dial a number"}
    return page.frame == FRAME and wanted.items() <= page.state.items() and page.lines == ["Somebody calls"]


async def test_what_a_person_does_arrives_and_what_the_handset_shows_appears(tmp_path: Path) -> None:
    async with simulator(tmp_path) as service, phone(tmp_path) as devices, PhonePage(service.url) as page:
        await page.lift()
        await page.press_down("2")
        assert await devices.next_reports(4) == ["lifted", "pressed 2", "repeated 2", "held 2"]
        await page.release("2")
        await page.replace()
        assert await devices.next_reports(1) == ["replaced"]
        show_something(devices)
        await page.wait_until(shows_it, PATIENCE_S)
        devices.ringer_light.silence()
        await page.wait_until(lambda seen: not seen.state["ringing"], PATIENCE_S)


async def test_another_display_that_is_chosen_is_the_handsets_from_then_on(tmp_path: Path) -> None:
    letters = b"A" * 80
    async with simulator(tmp_path) as service, phone(tmp_path) as devices, PhonePage(service.url) as page:
        await page.choose_display("character_20x4")
        assert await devices.next_reports(1) == ["family character_20x4"]
        assert devices.family == "character_20x4"
        devices.display.show(FRAME)
        devices.display.show(letters)
        await page.wait_until(lambda seen: seen.frame == letters, PATIENCE_S)


async def test_a_page_that_is_opened_first_waits_for_the_handset(tmp_path: Path) -> None:
    async with simulator(tmp_path) as service:
        page = PhonePage(service.url)
        opening = asyncio.create_task(page.__aenter__())
        async with phone(tmp_path) as devices:
            show_something(devices)
            await opening
            await page.wait_until(shows_it, PATIENCE_S)
            await page.__aexit__(None, None, None)


async def test_a_handset_that_starts_again_finds_its_receiver_as_it_lies_and_the_page_is_its_own(
    tmp_path: Path,
) -> None:
    async with simulator(tmp_path) as service:
        async with phone(tmp_path) as first, PhonePage(service.url) as page:
            await page.lift()
            assert await first.next_reports(1) == ["lifted"]
            first.stop()
            await page.wait_until(lambda seen: seen.is_closed, PATIENCE_S)
        async with (
            phone(tmp_path, keys=(("9",),), family="character_20x4") as second,
            PhonePage(service.url) as page,
        ):
            assert await second.next_reports(1) == ["lifted"]
            await page.press("9")
            assert await second.next_reports(1) == ["pressed 9"]
            await page.wait_until(lambda seen: seen.family == "character_20x4", PATIENCE_S)


async def test_a_simulator_that_starts_again_is_told_all_that_is_shown(tmp_path: Path) -> None:
    async with phone(tmp_path) as devices:
        async with simulator(tmp_path) as service, PhonePage(service.url) as page:
            await page.choose_display("oled_128x128")
            await page.lift()
            assert await devices.next_reports(2) == ["family oled_128x128", "lifted"]
        devices.display.choose("oled_128x64")
        show_something(devices)
        async with simulator(tmp_path) as service, PhonePage(service.url) as page:
            assert await devices.next_reports(2) == ["family oled_128x64", "replaced"]
            await page.wait_until(shows_it, PATIENCE_S)


async def test_a_handset_without_a_simulator_says_once_how_to_start_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with phone(tmp_path):
            await asyncio.sleep(0.5)
    assert ["wecall simulator" in record.message for record in caplog.records] == [True]


async def test_whoever_does_not_speak_as_a_handset_is_hung_up_on(tmp_path: Path) -> None:
    async with simulator(tmp_path) as service:
        for said in (b"\0\0\0\4junk", encode(FrameShown("oled_128x64", FRAME)), b"\0"):
            reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET_NAME)
            writer.write(said)
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
        async with phone(tmp_path) as devices, PhonePage(service.url) as page:
            await page.press("1")
            assert await devices.next_reports(1) == ["pressed 1"]


async def test_a_stick_is_looked_at_by_the_program_that_looks_at_real_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: asyncio.Queue[list[object]] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(
        subprocess, "Popen", lambda command, **_: loop.call_soon_threadsafe(commands.put_nowait, command)
    )
    async with simulator(tmp_path) as service, phone(tmp_path), ClientSession() as site, PhonePage(service.url) as page:
        origin = {"Origin": service.url.rstrip("/")}
        async with site.post(f"{service.url}stick", data=b"a bundle", headers=origin) as answer:
            assert answer.status == 204
        await page.wait_until(lambda seen: any("A stick is in" in line for line in seen.lines), PATIENCE_S)
    command = await asyncio.wait_for(commands.get(), PATIENCE_S)
    assert command[3:] == ["stick", tmp_path / "stick", "--runtime-dir", tmp_path]
    assert [path.read_bytes() for path in (tmp_path / "stick").iterdir()] == [b"a bundle"]


async def test_a_port_that_is_taken_and_a_folder_that_is_not_there_are_said_in_words(tmp_path: Path) -> None:
    async with simulator(tmp_path) as service:
        with pytest.raises(DeviceError, match="Choose another port"):
            SimulatorService(tmp_path, int(service.url.rpartition(":")[2].rstrip("/")))
    with pytest.raises(DeviceError, match="cannot make its socket"):
        SimulatorService(tmp_path / "missing", 0)


@pytest.mark.parametrize(("end", "unwanted"), [("handset", ("aiohttp",)), ("service", ("pydantic", "firmware"))])
def test_the_handset_loads_no_web_server_and_the_simulator_nothing_of_the_handset(
    end: str, unwanted: tuple[str, ...]
) -> None:
    program = f"import sys, drivers.simulator.{end}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in loaded if name.partition(".")[0] in unwanted]
