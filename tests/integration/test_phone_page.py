"""A call made in a real browser on the simulator's page, with the real handset behind it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from firmware.display.artist import Artist
from firmware.phone.call import RegistrationState
from firmware.phone.contact import ContactMatch
from firmware.phone.view import Mode, PhoneView
from tests.lab.audio import find_tone
from tests.lab.browser import Browser
from tests.lab.display_reader import FAMILY, HEIGHT_PX, WIDTH_PX, NoPictures, below_the_clock
from tests.lab.person import Person
from tests.lab.stage import PEER_USER, Choices, Stage

SCREENSHOT = Path(__file__).parents[2] / "build" / "screenshots" / "call.png"
DIAL_TONE_HZ = (350, 440)
SPOKEN_HZ = 1000
CONTACT = "Echo line"

_CANVAS = """() => {
  const canvas = document.querySelector("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({ length: data.length / 4 }, (_, i) => (data[i * 4 + 3] === 255 && data[i * 4 + 1] > 200 ? 1 : 0));
}"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"), Choices(extra={"dialing": {"inter_digit_timeout_s": 30}}))
    stage.handset.add_contact(CONTACT, PEER_USER, country="GB")
    with stage, stage.heard_here():
        yield stage


@pytest_asyncio.fixture
async def page(stage: Stage) -> AsyncIterator[Page]:
    browser = Browser()
    await browser.start()
    page = await browser.open(stage.handset.url, device_scale_factor=2)
    yield page
    await browser.stop()


async def test_a_call_is_made_with_the_mouse_and_seen_heard_and_ended(stage: Stage, person: Person, page: Page) -> None:
    hook = page.locator("#hook")
    await expect(page.locator("[data-key='5']")).to_be_visible()
    mark = len(stage.peer.events)
    async with person.hearing(DIAL_TONE_HZ):
        await hook.click()
        await expect(hook).to_have_attribute("aria-checked", "true")
    await person.wait_for_mode("collecting_digits")
    for count in range(1, len(PEER_USER)):
        await page.locator(f"[data-key='{PEER_USER[count - 1]}']").click()
        collected = PhoneView(
            Mode.COLLECTING_DIGITS,
            off_hook=True,
            digits=PEER_USER[:count],
            registration=RegistrationState.REGISTERED,
            # Whose number begins so is offered while it is dialled.
            matches=(ContactMatch(1, CONTACT, PEER_USER),),
        )
        await shows(page, person, collected)
    await page.locator(f"[data-key='{PEER_USER[-1]}']").click()
    await person.wait_for_call("active")
    stage.peer.wait_for("echoing", after=mark)
    await person.hears_the_echo_of(SPOKEN_HZ)
    await person.reads(CONTACT)
    await take_picture(page)
    await page.locator("[data-key='mute']").click()
    await person.reads("You are muted")
    assert find_tone(await person.say(SPOKEN_HZ, 0.5), [SPOKEN_HZ]) == []
    await same_pixels(page, person)
    await hook.click()
    await person.wait_for_mode("idle")
    stage.peer.wait_for("ended 200", after=mark)
    await same_pixels(page, person)


async def shows(page: Page, person: Person, view: PhoneView) -> None:
    """Wait until the page's pixels are those that the firmware draws for this state, but for the time of day."""
    expected = Artist("en", NoPictures()).draw(view, FAMILY, "")
    await person.wait_until(lambda seen: below_the_clock(seen.frame) == below_the_clock(expected), 10)
    await same_pixels(page, person)


async def same_pixels(page: Page, person: Person) -> None:
    """Wait until the browser's canvas shows the very frame that the handset sent."""
    async with asyncio.timeout(10):
        while await page.evaluate(_CANVAS) != bits(person.frame):
            await page.wait_for_timeout(50)


def bits(frame: bytes) -> list[int]:
    assert len(frame) == WIDTH_PX * HEIGHT_PX // 8
    return [byte >> shift & 1 for byte in frame for shift in range(7, -1, -1)]


async def take_picture(page: Page) -> None:
    """Show the phone in a call: the picture of the README is made from it."""
    await page.mouse.move(0, 0)
    await page.wait_for_timeout(1000)  # the handset has reached where it lies
    SCREENSHOT.parent.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOT)
