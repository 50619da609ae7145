"""The simulator's page in a real browser, used with a mouse, a keyboard and a finger."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from drivers.simulator import Simulator
from tests.lab.browser import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = (
    ("1", "2", "3", "volume_up", "transfer"),
    ("4", "5", "6", "volume_down", "conference"),
    ("7", "8", "9", "mute", "speaker"),
    ("*", "0", "#", "hold", "voicemail"),
    ("cancel", "menu", "ok", "redial", "do_not_disturb"),
)
TIMEOUT_S = 10
# Every byte another, so that a swapped bit, byte or row shows.
FRAME = bytes((number * 37 + number // 16) % 256 for number in range(128 * 64 // 8))

_SHOWS = """wanted => {
  const canvas = document.querySelector("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const isLit = (i) => data[i * 4 + 3] === 255 && data[i * 4 + 1] > 200;
  return data.length === wanted.length * 4 && wanted.every((bit, i) => isLit(i) === Boolean(bit));
}"""


class Phone:
    """A simulator whose reports queue up in the order in which they came."""

    def __init__(self, port: int = 0) -> None:
        self.simulator = Simulator(KEYS, port=port)
        self.reports: asyncio.Queue[str] = asyncio.Queue()
        self.releases: asyncio.Queue[str] = asyncio.Queue()

    async def start(self) -> None:
        await self.simulator.start()
        self.simulator.keypad.when_pressed = self.reports.put_nowait
        self.simulator.keypad.when_released = self.releases.put_nowait
        self.simulator.hook_switch.when_lifted = lambda: self.reports.put_nowait("lifted")
        self.simulator.hook_switch.when_replaced = lambda: self.reports.put_nowait("replaced")
        for device in (self.simulator.keypad, self.simulator.hook_switch, self.simulator.display):
            device.start()
        self.simulator.indicator.start()

    async def next_reports(self, count: int) -> list[str]:
        async with asyncio.timeout(TIMEOUT_S):
            return [await self.reports.get() for _ in range(count)]

    async def next_release(self) -> str:
        async with asyncio.timeout(TIMEOUT_S):
            return await self.releases.get()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    browser = Browser()
    await browser.start()
    yield browser
    await browser.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def phone() -> AsyncIterator[Phone]:
    phone = Phone()
    await phone.start()
    yield phone
    await phone.simulator.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, phone: Phone) -> AsyncIterator[Page]:
    page = await browser.open(phone.simulator.url)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await expect(page.get_by_role("button", name="5 JKL")).to_be_visible()
    yield page
    await page.context.close()
    assert [text for text in complaints if "ERR_CONNECTION_REFUSED" not in text] == []


async def test_a_mouse_lifts_dials_and_replaces(phone: Phone, page: Page) -> None:
    hook = page.get_by_role("switch", name="Handset lifted")
    await expect(hook).not_to_be_checked()
    await hook.click()
    await expect(hook).to_be_checked()
    for name in ("1", "2 ABC", "0 +", "Hash", "Redial", "Volume up"):
        await page.get_by_role("button", name=name, exact=True).click()
    await hook.click()
    await expect(hook).not_to_be_checked()
    assert await phone.next_reports(8) == ["lifted", "1", "2", "0", "#", "redial", "volume_up", "replaced"]


async def test_the_computers_keyboard_is_the_phones_keypad(phone: Phone, page: Page) -> None:
    meanings = {
        "Space": "lifted", "1": "1", "9": "9", "*": "*", "Shift+#": "#", "Enter": "ok", "Escape": "cancel",
        "Backspace": "cancel", "ArrowUp": "volume_up", "ArrowDown": "volume_down", "m": "mute", "h": "hold",
        "r": "redial", "u": "menu", "t": "transfer", "c": "conference", "s": "speaker", "v": "voicemail",
        "d": "do_not_disturb", "l": "replaced",
    }  # fmt: skip
    for key in meanings:
        await page.keyboard.press(key)
    assert await phone.next_reports(len(meanings)) == list(meanings.values())
    keys = [meaning for meaning in meanings.values() if meaning not in {"lifted", "replaced"}]
    assert [await phone.next_release() for _ in keys] == keys


async def test_the_handset_follows_taps_that_are_quicker_than_the_simulators_answer(phone: Phone, page: Page) -> None:
    await page.evaluate("for (let tap = 0; tap < 5; tap += 1) document.getElementById('hook').click()")
    assert await phone.next_reports(5) == ["lifted", "replaced", "lifted", "replaced", "lifted"]
    await expect(page.get_by_role("switch", name="Handset lifted")).to_be_checked()


async def test_a_browsers_own_shortcuts_press_nothing(phone: Phone, page: Page) -> None:
    for keys in ("Control+m", "Alt+1", "1"):
        await page.keyboard.press(keys)
    assert await phone.next_reports(1) == ["1"]
    await page.keyboard.press("2")
    assert await phone.next_reports(1) == ["2"]


async def test_a_key_stays_down_for_as_long_as_the_button_of_the_mouse(phone: Phone, page: Page) -> None:
    key = page.get_by_role("button", name="5 JKL")
    await key.hover()
    await page.mouse.down()
    assert await phone.next_reports(1) == ["5"]
    await expect(key).to_have_class("key key-digit is-down")
    await page.mouse.move(2, 2)
    await page.keyboard.press("m")
    assert await phone.next_reports(1) == ["mute"]
    assert phone.simulator.keypad.keys_down[0] == "5"
    assert await phone.next_release() == "mute"
    await page.mouse.up()
    assert await phone.next_release() == "5"
    await expect(key).to_have_class("key key-digit")


async def test_a_clicked_key_takes_no_focus_so_that_enter_still_means_ok(phone: Phone, page: Page) -> None:
    await page.get_by_role("button", name="5 JKL").click()
    await page.keyboard.press("Enter")
    assert await phone.next_reports(2) == ["5", "ok"]


async def test_tabbing_reaches_everything_and_enter_and_space_press_what_has_the_focus(
    phone: Phone, page: Page
) -> None:
    hook = page.get_by_role("switch", name="Handset lifted")
    await page.keyboard.press("Tab")
    await expect(hook).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(hook).to_be_checked()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="2 ABC")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Space")
    assert await phone.next_reports(3) == ["lifted", "2", "2"]
    await expect(hook).to_be_checked()
    assert phone.reports.empty()


async def test_a_click_by_assistive_technology_presses_a_key_once(phone: Phone, page: Page) -> None:
    await page.get_by_role("button", name="7 PQRS").evaluate("button => button.click()")
    await page.get_by_role("button", name="OK").evaluate("button => button.click()")
    assert await phone.next_reports(2) == ["7", "ok"]
    assert [await phone.next_release(), await phone.next_release()] == ["7", "ok"]


async def test_a_page_that_is_closed_lets_its_key_go(browser: Browser, phone: Phone) -> None:
    page = await browser.open(phone.simulator.url)
    await page.get_by_role("button", name="8 TUV").hover()
    await page.mouse.down()
    assert await phone.next_reports(1) == ["8"]
    await page.context.close()
    assert await phone.next_release() == "8"


async def test_the_canvas_shows_exactly_the_pixels_of_the_frame(phone: Phone, page: Page) -> None:
    for frame in (FRAME, FRAME[::-1]):
        phone.simulator.display.show(frame)
        wanted = [byte >> bit & 1 for byte in frame for bit in range(7, -1, -1)]
        await page.wait_for_function(_SHOWS, arg=wanted, timeout=TIMEOUT_S * 1000)


async def test_ringing_and_the_status_light_can_be_seen_and_are_announced(phone: Phone, page: Page) -> None:
    phone.simulator.ringer_light.ring()
    phone.simulator.indicator.show("fast_blink")
    await expect(page.get_by_role("status").filter(has_text="Ringing")).to_be_visible()
    await expect(page.get_by_role("img", name="Status light: blinking fast")).to_be_visible()
    phone.simulator.ringer_light.silence()
    await expect(page.get_by_text("Ringing")).to_have_count(0)


async def test_a_lost_connection_is_said_and_comes_back_by_itself(phone: Phone, page: Page) -> None:
    phone.simulator.ringer_light.ring()
    await expect(page.get_by_text("Ringing")).to_be_visible()
    await phone.simulator.stop()
    await expect(page.get_by_text("Ringing")).to_have_count(0)
    banner = page.get_by_role("status").filter(has_text="Connection lost. Reconnecting…")
    await expect(banner).to_be_in_viewport()
    again = Phone(urlsplit(phone.simulator.url).port or 0)
    await again.start()
    again.simulator.hook_switch.move(off_hook=True)
    await expect(banner).to_have_count(0, timeout=TIMEOUT_S * 1000)
    await expect(page.get_by_role("switch", name="Handset lifted")).to_be_checked()
    await page.keyboard.press("4")
    assert await again.next_reports(2) == ["lifted", "4"]
    await again.simulator.stop()


async def test_everything_that_can_be_operated_has_a_name(page: Page) -> None:
    session = await page.context.new_cdp_session(page)
    tree = await session.send("Accessibility.getFullAXTree")
    operable = [node for node in tree["nodes"] if node.get("role", {}).get("value") in {"button", "switch", "image"}]
    names = [node.get("name", {}).get("value", "") for node in operable]
    assert len(operable) == 25 + 1 + 2
    assert all(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("width_px", "height_px", "scale"),
    [(360, 740, 2), (412, 860, 2.625), (820, 1180, 1), (1280, 800, 1), (1280, 800, 1.5)],
)
async def test_the_phone_fits_the_screen_and_its_pixels_are_whole(
    browser: Browser, phone: Phone, width_px: int, height_px: int, scale: float
) -> None:
    page = await browser.open(
        phone.simulator.url,
        width_px=width_px,
        height_px=height_px,
        device_scale_factor=scale,
        color_scheme="dark",
        touch=width_px < 1000,
    )
    await expect(page.get_by_role("button", name="Redial")).to_be_in_viewport(ratio=1)
    size = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [width_px, height_px]
    display = await page.get_by_role("img", name="The phone's display").bounding_box()
    assert display is not None
    device_pixels = display["width"] * scale / 128
    assert device_pixels == pytest.approx(round(device_pixels), abs=0.02)
    assert display["width"] == pytest.approx(2 * display["height"], abs=0.02)
    await page.context.close()
