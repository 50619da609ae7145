"""What a person does with the phone first, done with the mouse in a real browser, the real handset behind the page."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
import zxingcpp
from PIL import Image
from playwright.async_api import Page

from firmware.store.policies import built_in_policy
from tests.lab.browser import Browser
from tests.lab.handset import Handset
from tests.lab.newcomer import PIN, Newcomer
from tests.lab.office import BOB, PERSON, Office
from tests.lab.person import Person
from tests.lab.stage import Choices

NAME = "Anna"
ANNA_BY_KEYS = "2662"
CHINESE_NAME = "张明"
CHINESE_NUMBER = "13912345678"
# zhang ming, and the first letters of both.
CHINESE_BY_KEYS = ("942646464", "96")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("office"), Choices())
    office.stage.handset.add_contact(NAME, BOB, country="GB")
    with office.running():
        yield office


@asynccontextmanager
async def visiting(handset: Handset) -> AsyncIterator[Page]:
    browser = Browser()
    await browser.start()
    try:
        yield await browser.open(handset.url, device_scale_factor=2)
    finally:
        await browser.stop()


@pytest_asyncio.fixture
async def page(office: Office) -> AsyncIterator[Page]:
    async with visiting(office.stage.handset) as page:
        yield page


async def click(page: Page, *keys: str) -> None:
    for key in keys:
        await page.locator(f"[data-key='{key}']").click()


async def photograph(page: Page) -> str:
    """Read the code that the browser shows, as soon as it shows one."""
    async with asyncio.timeout(10):
        while True:
            picture = Image.open(io.BytesIO(await page.locator("canvas").screenshot()))
            for code in zxingcpp.read_barcodes(picture):
                return code.text
            await page.wait_for_timeout(100)


@pytest_asyncio.fixture
async def new_handset(office: Office) -> AsyncIterator[Handset]:
    """Another one than the office's, out of its box; it finds no server, which would take the one for the other."""
    handset = office.stage.new_handset("new", new=True, account={"port": 9})
    await asyncio.to_thread(handset.start, sync=False)
    yield handset
    await asyncio.to_thread(handset.stop)


async def test_a_new_phone_is_set_up_in_english_and_after_second_thoughts_in_chinese(new_handset: Handset) -> None:
    async with visiting(new_handset) as page, Newcomer(new_handset) as newcomer:
        await newcomer.reaches("Language")
        await click(page, "ok")
        await newcomer.reaches("Your age")
        await click(page, "cancel")
        await newcomer.reaches("Language")
        await click(page, "volume_down", "ok")
        await newcomer.reads("2/6 年龄")
        await click(page, "volume_up", "ok")
        await newcomer.reads("3/6 PIN码")
        for words in ("设4-8位PIN码", "再输入一次"):
            await newcomer.reads(words)
            await click(page, *PIN, "ok")
        await newcomer.reads("4/6 隐私政策")
        for paragraph in built_in_policy().text.zh[:3]:
            await newcomer.reads_the_beginning_of(paragraph)
            await click(page, "ok")
        await newcomer.reads("5/6 通话服务")
        await newcomer.reads("是：可以通话")  # noqa: RUF001 - Chinese punctuation
        await click(page, "volume_down", "ok")
        await newcomer.reads_the_beginning_of("设置完成。拿起听筒即可拨号。")
        await newcomer.wait_for_mode("idle")
        await click(page, "menu")
        await newcomer.reads("联系人")


async def test_a_contact_is_found_by_its_keys_and_called(office: Office, clerk: Person, page: Page) -> None:
    await click(page, *ANNA_BY_KEYS)
    # Some of the keys find the name too, and a choice among theirs is forgotten with the next key.
    await clerk.reads(ANNA_BY_KEYS)
    await clerk.reads(NAME)
    await click(page, "volume_down", "ok")
    await clerk.reads(BOB)
    await page.locator("#hook").click()
    office.bob.answers()
    await clerk.wait_for_call("active")
    await page.locator("#hook").click()
    await clerk.wait_for_mode("idle")


async def test_a_call_is_answered(office: Office, clerk: Person, page: Page) -> None:
    office.bob.call(PERSON)
    await clerk.reads("Incoming call")
    await page.locator("#hook").click()
    await clerk.wait_for_call("active")
    await page.locator("#hook").click()
    await clerk.wait_for_mode("idle")


async def test_the_language_is_changed(clerk: Person, page: Page) -> None:
    await click(page, "menu", "6", "3", "2")
    await clerk.reads("设置")
    await click(page, "3", "1")
    await clerk.reads("Settings")
    await click(page, "menu")


async def test_a_contact_is_handed_on_as_a_code(clerk: Person, page: Page) -> None:
    await click(page, "menu", "1")
    await clerk.reads(NAME)
    await click(page, "ok")
    await clerk.reads(BOB)
    await click(page, "6")
    card = await photograph(page)
    assert f"FN:{NAME}" in card
    assert BOB in card
    await click(page, "menu")


async def test_a_contact_is_added_in_chinese_and_found_by_its_sound(clerk: Person, page: Page) -> None:
    await click(page, "menu", "6", "3", "2")
    await clerk.reads("设置")
    await click(page, "menu", "menu", "2")
    await clerk.reads("新建联系人")

    await click(page, "1")
    await clerk.reads("拼")
    # Of those that sound like 94264 a surname comes first, and of those that sound like 6464 a given name.
    await click(page, *"94264", "ok", *"6464", "ok", "ok")
    # The name leads to the number by itself.
    await clerk.reads("号码")
    await click(page, *CHINESE_NUMBER, "ok")
    await clerk.reads(CHINESE_NUMBER)
    await click(page, "4", "1")
    await clerk.reads(NAME)
    await clerk.reads(CHINESE_NAME)
    await click(page, "menu")

    for keys in CHINESE_BY_KEYS:
        await clerk.wait_for_mode("idle")
        await clerk.no_longer_reads(CHINESE_NAME)
        await click(page, *keys)
        await clerk.reads(CHINESE_NAME)
        await click(page, *["cancel"] * len(keys))
    await click(page, "menu", "6", "3", "1")
    await clerk.reads("Settings")
    await click(page, "menu")
