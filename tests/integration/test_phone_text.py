"""The whole handset in a call with real-time text: by keys, by the page's keyboard, seen at the other end and here."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.phone.news import CallTextChanged
from firmware.phone.orders import OpenText, WriteText
from tests.lab.office import BOB, Office
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.sip_line import TextReader

pytestmark = pytest.mark.feature("real-time text")

TOLD = "[This conversation is kept.]\n"
SECRET = "the key is under the third pot"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("office")


@pytest.fixture(scope="module")
def office(folder: Path) -> Iterator[Office]:
    with Office(folder).running() as office:
        yield office


def files_with(words: str, folder: Path) -> list[Path]:
    """Return the files below a folder, logs among them, that hold these words."""
    return [path for path in folder.rglob("*") if path.is_file() and words.encode() in path.read_bytes()]


async def test_letters_that_keys_write_are_read_at_the_other_end(office: Office, clerk: Person) -> None:
    await clerk.lift()
    await clerk.send(BOB)
    office.bob.answers()
    await clerk.wait_for_call("active")
    read = TextReader(office.bob.phone)
    await clerk.press("menu")
    await clerk.reads("Text")
    await clerk.press("ok")
    assert office.bob.phone.wait_for(CallTextChanged, timeout_s=PATIENCE_S).is_open
    for key in "44#":
        await clerk.press(key)
    read.wait_for("H ")
    await clerk.press("cancel")
    await clerk.press("cancel")
    read.wait_for("")
    await clerk.write("Grüße, 张伟!\n")
    read.wait_for("Grüße, 张伟!\n")
    await clerk.hang_up()


async def test_what_the_other_end_writes_is_shown_and_nothing_of_it_is_kept(
    office: Office, clerk: Person, folder: Path
) -> None:
    await clerk.lift()
    await clerk.send(BOB)
    call_id = office.bob.answers().call_id
    await clerk.wait_for_call("active")
    phone = office.bob.phone
    phone.stack.order(OpenText(call_id))
    assert phone.wait_for(CallTextChanged, timeout_s=PATIENCE_S).is_open
    phone.stack.order(WriteText(call_id, "Hello"))
    await clerk.reads("Hello")
    phone.stack.order(WriteText(call_id, "\b\b\bp"))
    await clerk.reads("Hep")
    read = TextReader(phone)
    await clerk.write(SECRET)
    read.wait_for(SECRET)
    phone.stack.order(WriteText(call_id, SECRET))
    await clerk.reads_the_beginning_of("pot")
    await clerk.hang_up()
    assert files_with(SECRET, folder) == []
    assert SECRET not in repr([office.newest_call(), await clerk.status()])


async def test_where_the_holder_says_so_the_text_stays_with_the_call_over_a_kill_and_the_other_end_is_told(
    office: Office, folder: Path
) -> None:
    handset, phone = office.stage.handset, office.bob.phone
    async with Person(handset) as clerk:
        await clerk.wait_for_line()
        for key in ("menu", "3", "6"):
            await clerk.press(key)
        await clerk.reads_the_beginning_of("Keep what both")
        await clerk.press("ok")
        await clerk.rest()
        await clerk.lift()
        await clerk.send(BOB)
        call_id = office.bob.answers().call_id
        await clerk.wait_for_call("active")
        read = TextReader(phone)
        phone.stack.order(OpenText(call_id))
        read.wait_for(TOLD)
        phone.stack.order(WriteText(call_id, "Where is it?"))
        await clerk.reads_the_beginning_of("Where")
        await clerk.write(SECRET)
        read.wait_for(TOLD + SECRET)
    await asyncio.to_thread(handset.main.kill)
    await asyncio.to_thread(handset.main.start)
    async with Person(handset) as clerk:
        await clerk.wait_for_call("active")
        await clerk.hang_up()
        office.rest()
        await clerk.rest()
        for key in ("menu", "3", "4"):
            await clerk.press(key)
        await clerk.reads(BOB)
        for key in ("1", *("volume_down",) * 4):
            await clerk.press(key)
        await clerk.reads("Text")
        await clerk.press("ok")
        await clerk.reads_the_beginning_of(f"{BOB}: Where")
        await clerk.press("volume_down")
        await clerk.reads("under the third pot")
        await clerk.rest()
        for key in ("menu", "3", "6"):
            await clerk.press(key)
        await clerk.wait_until(lambda page: page.state["text"].endswith("Keep text. off"), PATIENCE_S)
        await clerk.rest()
        assert files_with(SECRET, folder) == []
        assert SECRET not in repr([office.newest_call(), await clerk.status()])
