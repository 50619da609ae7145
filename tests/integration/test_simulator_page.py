"""The simulator's page in a real browser, used with a mouse, a keyboard and a finger."""

import asyncio
import random
import re
from collections.abc import AsyncIterator
from typing import Literal
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from drivers.simulator.display import FAMILIES, dots_of
from tests.lab.browser import Browser
from tests.lab.patience import PATIENCE_S
from tests.lab.phone_with_page import PhoneWithPage
from tools.page.vendor import AXE

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = (
    ("1", "2", "3", "volume_up", "transfer"),
    ("4", "5", "6", "volume_down", "conference"),
    ("7", "8", "9", "mute", "speaker"),
    ("*", "0", "#", "hold", "voicemail"),
    ("cancel", "menu", "ok", "redial", "do_not_disturb"),
)
# Every byte another, so that a swapped bit, byte or row shows.
FRAME = bytes((number * 37 + number // 16) % 256 for number in range(128 * 64 // 8))

_COLOURS = """() => {
  const canvas = document.querySelector("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from(data).filter((_, i) => i % 4 !== 3);
}"""
# The rows of dots of one cell of a display of letters.
_DOTS = """([column, row]) => {
  const canvas = document.querySelector("canvas");
  const { data } = canvas.getContext("2d").getImageData(1 + column * 6, 1 + row * 9, 5, 8);
  return Array.from({ length: 8 }, (_, y) =>
    Array.from({ length: 5 }, (_, x) => (data[(y * 5 + x) * 4] > 200 ? 0x10 >> x : 0)).reduce((sum, bit) => sum + bit));
}"""
# The contrast of every text that can be seen with what is behind it (WCAG 2.2, 1.4.3). A gradient counts by its worst
# colour, and what shines through by what is below it.
_TOO_FAINT = r"""() => {
  const parts = (colour) => {
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r, g, b].map((c, i) => (c * a + [R, G, B][i] * (255 - a)) / 255);
  const light = (rgb) => rgb.map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    if (node === null) return [[255, 255, 255]];
    const style = getComputedStyle(node);
    const colours = style.backgroundImage.match(/(rgba?|color)\([^()]*\)/g) ?? [style.backgroundColor];
    const all = colours.map(parts);
    if (all.every(([, , , alpha]) => alpha === 255)) return all;
    return behind(node.parentElement).flatMap((below) => all.map((colour) => over(colour, below)));
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const node = walker.currentNode.parentElement;
    if (!text || !node.checkVisibility({ visibilityProperty: true }) || node.closest(".unseen, noscript")) continue;
    seen += 1;
    const style = getComputedStyle(node);
    for (const ground of behind(node)) {
      const rgba = parts(style.color);
      const colour = over([...rgba.slice(0, 3), rgba[3] * Number(style.opacity)], ground);
      const [high, low] = [light(colour), light(ground)].sort((a, b) => b - a);
      const ratio = (high + 0.05) / (low + 0.05);
      if (ratio < 4.5) faint.push(`${text}: ${ratio.toFixed(2)}`);
    }
  }
  return { seen, faint };
}"""
_AXE_FAULTS = """async () => {
  const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental"];
  const { violations } = await axe.run(document, { runOnly });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
}"""
_SHOWS = """wanted => {
  const canvas = document.querySelector("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const isLit = (i) => data[i * 4 + 3] === 255 && data[i * 4 + 1] > 200;
  return data.length === wanted.length * 4 && wanted.every((bit, i) => isLit(i) === Boolean(bit));
}"""


class Phone(PhoneWithPage):
    """A phone whose reports queue up in the order in which they came."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(KEYS, port=port)
        self.reports: asyncio.Queue[str] = asyncio.Queue()
        self.releases: asyncio.Queue[str] = asyncio.Queue()
        self.keypad.when_pressed = self.reports.put_nowait
        self.keypad.when_released = self.releases.put_nowait
        self.hook_switch.when_lifted = lambda: self.reports.put_nowait("lifted")
        self.hook_switch.when_replaced = lambda: self.reports.put_nowait("replaced")

    async def next_reports(self, count: int) -> list[str]:
        async with asyncio.timeout(PATIENCE_S):
            return [await self.reports.get() for _ in range(count)]

    async def next_release(self) -> str:
        async with asyncio.timeout(PATIENCE_S):
            return await self.releases.get()


@pytest_asyncio.fixture(loop_scope="module")
async def phone() -> AsyncIterator[Phone]:
    phone = Phone()
    await phone.begin()
    yield phone
    await phone.end()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, phone: Phone) -> AsyncIterator[Page]:
    page = await browser.open(phone.url)
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
    for name in ("1", "2 ABC", "0 +", "Hash", "Redial 重拨", "Volume up 音量+"):
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


async def test_a_file_that_is_chosen_is_plugged_in(phone: Phone, page: Page) -> None:
    plugged: asyncio.Queue[bytes] = asyncio.Queue()
    phone.simulator.stick.when_plugged = plugged.put
    port = page.get_by_label("Plug in a bundle")
    for bundle in (b"first", b"second"):
        await port.set_input_files({"name": "site.wecall", "mimeType": "", "buffer": bundle})
        assert await asyncio.wait_for(plugged.get(), PATIENCE_S) == bundle
        await expect(page.get_by_text("site.wecall is in.")).to_be_visible()
    await page.keyboard.press("5")
    assert await phone.next_reports(1) == ["5"]


@pytest.mark.feature("real-time text")
async def test_while_text_is_written_the_keyboard_writes_it_letter_by_letter(phone: Phone, page: Page) -> None:
    typed: asyncio.Queue[str] = asyncio.Queue()
    phone.when_typed = typed.put_nowait
    field = page.get_by_label("Write in the call")
    await expect(field).to_be_hidden()
    phone.describe("Hello", is_writing=True)
    await expect(field).to_be_focused()
    await page.keyboard.type("m5")
    await page.keyboard.press("Backspace")
    await page.keyboard.press("Enter")
    await page.keyboard.insert_text("张伟")
    assert [await asyncio.wait_for(typed.get(), PATIENCE_S) for _ in range(5)] == ["m", "5", "\b", "\n", "张伟"]
    phone.describe("Hello")
    await expect(field).to_be_hidden()
    # Nothing but that was pressed.
    await page.keyboard.press("5")
    assert await phone.next_reports(1) == ["5"]


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
    assert phone.keypad.keys_down[0] == "5"
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
    page = await browser.open(phone.url)
    await page.get_by_role("button", name="8 TUV").hover()
    await page.mouse.down()
    assert await phone.next_reports(1) == ["8"]
    await page.context.close()
    assert await phone.next_release() == "8"


async def test_the_canvas_shows_exactly_the_pixels_of_the_frame(phone: Phone, page: Page) -> None:
    for frame in (FRAME, FRAME[::-1]):
        phone.display.show(frame)
        wanted = [byte >> bit & 1 for byte in frame for bit in range(7, -1, -1)]
        await page.wait_for_function(_SHOWS, arg=wanted, timeout=PATIENCE_S * 1000)


async def test_ringing_and_the_status_light_can_be_seen_and_are_announced(phone: Phone, page: Page) -> None:
    phone.ringer_light.ring()
    phone.indicator.show("fast_blink")
    await expect(page.get_by_role("status").filter(has_text="Ringing")).to_be_visible()
    await expect(page.get_by_role("img", name="Status light: blinking fast")).to_be_visible()
    phone.ringer_light.silence()
    await expect(page.get_by_text("Ringing")).to_have_count(0)


async def test_a_lost_connection_is_said_and_comes_back_by_itself(phone: Phone, page: Page) -> None:
    phone.ringer_light.ring()
    await expect(page.get_by_text("Ringing")).to_be_visible()
    await phone.end()
    await expect(page.get_by_text("Ringing")).to_have_count(0)
    banner = page.get_by_role("status").filter(has_text="Connection lost. Reconnecting…")
    await expect(banner).to_be_in_viewport()
    again = Phone(urlsplit(phone.url).port or 0)
    await again.begin()
    again.hook_switch.move(off_hook=True)
    await expect(banner).to_have_count(0, timeout=PATIENCE_S * 1000)
    await expect(page.get_by_role("switch", name="Handset lifted")).to_be_checked()
    await page.keyboard.press("4")
    assert await again.next_reports(2) == ["lifted", "4"]
    await again.end()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_axe_finds_no_fault(browser: Browser, phone: Phone, color_scheme: Literal["light", "dark"]) -> None:
    # Only here the policy is put aside: axe itself is put into the page.
    page = await browser.blank(bypass_csp=True, color_scheme=color_scheme, reduced_motion="reduce")
    await page.goto(phone.url)
    await expect(page.get_by_role("button", name="5 JKL")).to_be_visible()
    await page.add_script_tag(path=AXE)
    assert await page.evaluate(_AXE_FAULTS) == []
    await page.context.close()


async def test_a_key_is_called_what_stands_on_it_in_either_language(phone: Phone, page: Page) -> None:
    for name in ("重拨", "Redial", "Voicemail", "免打扰"):
        await page.get_by_role("button", name=name).click()
    assert await phone.next_reports(4) == ["redial", "redial", "voicemail", "do_not_disturb"]


async def test_letters_and_digits_press_no_key_where_somebody_switches_that_off(phone: Phone, page: Page) -> None:
    switch = page.get_by_role("checkbox", name="Letters and digits press keys")
    redial = page.get_by_role("button", name="Redial")
    await expect(redial).to_have_attribute("aria-keyshortcuts", "r")
    await switch.click()
    await expect(redial).not_to_have_attribute("aria-keyshortcuts", "r")
    for key in ("r", "l", "5", "*", "Enter", "Space", "ArrowUp"):
        await page.keyboard.press(key)
    assert await phone.next_reports(3) == ["ok", "lifted", "volume_up"]
    await switch.click()
    await page.keyboard.press("r")
    assert await phone.next_reports(1) == ["redial"]


async def test_everything_that_can_be_operated_has_a_name(page: Page) -> None:
    session = await page.context.new_cdp_session(page)
    tree = await session.send("Accessibility.getFullAXTree")
    operable = [node for node in tree["nodes"] if node.get("role", {}).get("value") in {"button", "switch", "image"}]
    names = [node.get("name", {}).get("value", "") for node in operable]
    assert len(operable) == 25 + 1 + 1 + 2
    choices = [node for node in tree["nodes"] if node.get("role", {}).get("value") == "radio"]
    assert [node["name"]["value"] for node in choices] == [family.label for family in FAMILIES.values()]
    assert all(names)
    assert len(set(names)) == len(names)


async def test_a_colour_display_shows_exactly_the_colours_of_the_frame(phone: Phone, page: Page) -> None:
    await choose(page, "lcd_320x240")
    frame = random.Random(3).randbytes(320 * 240 * 3)
    phone.display.show(frame)
    async with asyncio.timeout(PATIENCE_S):
        while await page.evaluate(_COLOURS) != list(frame):
            await page.wait_for_timeout(50)


async def test_a_display_of_letters_shows_each_in_its_dots(phone: Phone, page: Page) -> None:
    await choose(page, "character_20x4")
    phone.display.show(b"A".rjust(20) + b"\xfc".ljust(60))
    dots = dots_of(FAMILIES["character_20x4"], ())
    async with asyncio.timeout(PATIENCE_S):
        while await page.evaluate(_DOTS, [19, 0]) != list(dots[ord("A")]):
            await page.wait_for_timeout(50)
    assert await page.evaluate(_DOTS, [0, 1]) == list(dots[0xFC])
    assert await page.evaluate(_DOTS, [1, 1]) == [0] * 8


async def test_another_display_is_chosen_with_the_keyboard_and_the_firmware_told(phone: Phone, page: Page) -> None:
    chosen: asyncio.Queue[str] = asyncio.Queue()
    phone.when_family_changed = chosen.put_nowait
    await page.get_by_role("radio", name="OLED 128 x 64").focus()
    for _ in range(2):
        await page.keyboard.press("ArrowDown")
    async with asyncio.timeout(PATIENCE_S):
        assert [await chosen.get(), await chosen.get()] == ["oled_128x128", "lcd_320x240"]
    await expect(page.get_by_role("img", name="The phone's display, 320 by 240 pixels")).to_be_visible()
    # Arrows were the choice's own, but digits still dial.
    await page.keyboard.press("7")
    assert await phone.next_reports(1) == ["7"]


async def test_after_a_click_on_a_choice_the_arrows_are_the_phones_again(phone: Phone, page: Page) -> None:
    await page.get_by_role("radio", name="OLED 128 x 128").click()
    await expect(page.get_by_role("radio", name="OLED 128 x 128")).to_be_checked()
    await page.keyboard.press("ArrowDown")
    assert await phone.next_reports(1) == ["volume_down"]


async def test_the_display_is_read_aloud_and_a_dimmed_one_drawn_dimmer(phone: Phone, page: Page) -> None:
    phone.describe("14:03. Press a key.")
    await expect(page.get_by_role("status").filter(has_text="14:03. Press a key.")).to_be_attached()
    display = page.get_by_role("img", name="The phone's display")
    phone.display.set_brightness(30)
    await expect(display).to_have_css("opacity", "0.51")
    phone.display.set_brightness(0)
    await expect(display).to_have_css("opacity", "0")
    await expect(page.get_by_text("The display sleeps")).to_be_visible()


async def test_what_the_phone_did_is_listed_with_the_newest_first(phone: Phone, page: Page) -> None:
    for number in range(205):
        phone.note(f"Calling {number} <b>")
    lines = page.get_by_role("list", name="What the phone did").get_by_role("listitem")
    await expect(lines).to_have_count(200)
    await expect(lines.first).to_contain_text(re.compile(r"\d\d:\d\d:\d\d Calling 204 <b>"))
    await expect(lines.last).to_contain_text("Calling 5 <b>")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_every_text_stands_out_from_what_is_behind_it(
    browser: Browser, phone: Phone, color_scheme: Literal["light", "dark"]
) -> None:
    phone.note("Calling 1001")
    phone.ringer_light.ring()
    phone.display.set_brightness(0)
    page = await browser.open(phone.url, color_scheme=color_scheme)
    await expect(page.get_by_text("Ringing")).to_be_visible()
    await expect(page.get_by_text("Calling 1001")).to_be_visible()
    measured = await page.evaluate(_TOO_FAINT)
    assert measured["seen"] > 60
    assert measured["faint"] == []
    await page.context.close()


async def test_nothing_is_asked_of_anybody_else_and_no_cookie_kept(browser: Browser, phone: Phone) -> None:
    page = await browser.open("about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    await page.goto(phone.url)
    for family in FAMILIES:
        await choose(page, family)
    host = urlsplit(phone.url).netloc
    assert {urlsplit(url).netloc for url in asked} == {host}
    assert f"ws://{host}/phone" in asked
    assert await page.context.cookies() == []
    assert await page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
    await page.context.close()


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_screen_of_360_pixels_has_room_for_every_display_and_keys_for_every_finger(
    browser: Browser, phone: Phone, family: str
) -> None:
    page = await browser.open(phone.url, width_px=360, height_px=740, device_scale_factor=2, touch=True)
    await choose(page, family)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    for role in ("button", "switch", "radio"):
        for control in await page.get_by_role(role).all():
            box = await control.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360
    display = await page.locator("canvas").bounding_box()
    assert display is not None
    assert display["x"] >= 0
    assert display["x"] + display["width"] <= 360
    await page.context.close()


async def choose(page: Page, family: str) -> None:
    """Choose a display on the page and wait until it is there."""
    await page.locator(f"input[value={family}]").check(force=True)
    shown = FAMILIES[family]
    unit = "letters" if shown.kind == "letters" else "pixels"
    name = f"The phone's display, {shown.width} by {shown.height} {unit}"
    await expect(page.get_by_role("img", name=name)).to_be_attached()


@pytest.mark.parametrize(
    ("width_px", "height_px", "scale"),
    [(360, 740, 2), (412, 860, 2.625), (820, 1180, 1), (1280, 800, 1), (1280, 800, 1.5)],
)
async def test_the_phone_fits_the_screen_and_its_pixels_are_whole(
    browser: Browser, phone: Phone, width_px: int, height_px: int, scale: float
) -> None:
    page = await browser.open(
        phone.url,
        width_px=width_px,
        height_px=height_px,
        device_scale_factor=scale,
        color_scheme="dark",
        touch=width_px < 1000,
    )
    await expect(page.get_by_role("button", name="Redial")).to_be_in_viewport(ratio=1)
    assert await page.evaluate("document.documentElement.scrollWidth") == width_px
    display = await page.get_by_role("img", name="The phone's display").bounding_box()
    assert display is not None
    device_pixels = display["width"] * scale / 128
    assert device_pixels == pytest.approx(round(device_pixels), abs=0.02)
    assert display["width"] == pytest.approx(2 * display["height"], abs=0.02)
    await page.context.close()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("width_px", "height_px"), [(844, 390), (667, 375)])
async def test_a_telephone_on_its_side_shows_display_handset_and_keys_at_once(
    browser: Browser, phone: Phone, family: str, width_px: int, height_px: int
) -> None:
    page = await browser.open(
        phone.url, width_px=width_px, height_px=height_px, device_scale_factor=3, color_scheme="dark", touch=True
    )
    await choose(page, family)
    assert await page.evaluate("document.documentElement.scrollWidth") == width_px
    await page.evaluate("window.scrollTo(0, 0)")
    for control in [*await page.locator("[data-key]").all(), page.get_by_role("switch")]:
        await expect(control).to_be_in_viewport(ratio=1)
        box = await control.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    await expect(page.locator("canvas")).to_be_in_viewport(ratio=1)
    glass, key = await page.locator(".glass").bounding_box(), await page.locator("[data-key='1']").bounding_box()
    assert glass is not None
    assert key is not None
    assert glass["x"] + glass["width"] <= key["x"]
    await page.context.close()
