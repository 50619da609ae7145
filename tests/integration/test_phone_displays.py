"""The real handset with one display after another, chosen on its page while it runs."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from drivers.simulator.display import FAMILIES
from tests.lab.handset import Handset
from tests.lab.patience import PATIENCE_S
from tests.lab.phone_page import PhonePage

pytestmark = pytest.mark.story

DIALLED = "47114711471"
# Nobody answers there: what the display shows is for the phone alone to say.
CONFIGURATION = """
[device]
id = "desk-1"
country = "CN"
[[accounts]]
username = "1001"
domain = "127.0.0.1"
server = "127.0.0.1"
port = 9
transport = "udp"
srtp = "off"
[display]
family = "lcd_320x240"
"""


@pytest.fixture(scope="module")
def handset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handset]:
    handset = Handset(tmp_path_factory.mktemp("handset"), CONFIGURATION, {})
    handset.start(sync=False)
    yield handset
    handset.stop()


@pytest_asyncio.fixture
async def page(handset: Handset) -> AsyncIterator[PhonePage]:
    async with PhonePage(handset.url) as page:
        await page.wait_until(lambda seen: bool(seen.state and seen.frame), PATIENCE_S)
        yield page


async def test_the_phone_begins_with_the_display_of_its_configuration(page: PhonePage) -> None:
    assert page.family == "lcd_320x240"
    await page.wait_until(lambda seen: any(seen.frame), PATIENCE_S)


@pytest.mark.parametrize("family", FAMILIES)
async def test_each_display_that_is_chosen_gets_the_page_at_once(page: PhonePage, family: str) -> None:
    await page.choose_display(family)
    shown = FAMILIES[family]
    await page.wait_until(lambda seen: seen.family == family and seen.frame not in {b"", shown.blank}, PATIENCE_S)
    assert len(page.frame) == shown.frame_bytes


async def test_the_page_says_in_words_what_the_display_shows_and_what_the_phone_did(
    handset: Handset, page: PhonePage
) -> None:
    await page.press("menu")
    await page.wait_until(lambda seen: "Page: Menu." in seen.lines and "Menu" in seen.state["text"], PATIENCE_S)
    await page.press("menu")
    await page.lift()
    await page.dial(DIALLED)
    await page.wait_until(lambda seen: "The handset was lifted." in seen.lines, PATIENCE_S)
    await page.press("ok")
    await page.wait_until(lambda seen: f"Calling {DIALLED}." in seen.lines, PATIENCE_S)
    await page.replace()
    await page.wait_until(lambda seen: any(DIALLED in line and "call" in line for line in seen.lines), PATIENCE_S)
    assert DIALLED not in handset.main.log
