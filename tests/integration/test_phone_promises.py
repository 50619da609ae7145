"""What the phone shows its holder, on the whole running handset: codes, counts, and who got what."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from tests.lab.by_keys import choose
from tests.lab.display_reader import HEIGHT_PX, WIDTH_PX
from tests.lab.patience import wait_until
from tests.lab.person import Person
from tests.lab.stage import Choices, Stage

LINKS = {
    "invite_link": "https://join.example.com/{account}",
    "top_up_link": "https://pay.example.com/{account}",
}
CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nTEL:1001\r\nEND:VCARD\r\n"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    choices = Choices(extra={"operator": LINKS, "sync": {"retry_base_s": 0.1, "retry_cap_s": 1}})
    with Stage(tmp_path_factory.mktemp("stage"), choices) as stage:
        yield stage


def photographed(person: Person) -> str:
    """Return what a camera reads from the display, nothing where no code is there."""
    frame = Image.frombytes("1", (WIDTH_PX, HEIGHT_PX), person.frame).convert("L")
    codes = zxingcpp.read_barcodes(frame.resize((6 * WIDTH_PX, 6 * HEIGHT_PX), Image.Resampling.NEAREST))
    return codes[0].text if codes else ""


async def photograph(person: Person) -> str:
    """Wait for a code, and read it."""
    await asyncio.to_thread(wait_until, lambda: photographed(person), "a code is shown")
    return photographed(person)


async def try_number(person: Person, number: str) -> None:
    await person.lift()
    await person.send(number)
    await person.wait_for_mode("call_ended")
    await person.hang_up()
    await person.rest()


async def choose_row(person: Person, title: str, *, up: int) -> None:
    """Choose a row of the menu that has no digit, so many from its end."""
    await person.press("menu")
    await person.reads("Menu")
    for _ in range(up):
        await person.press("volume_up")
    await person.press("ok")
    await person.reads(title)


@pytest.mark.parametrize(("title", "link", "up"), [("Invite", "invite_link", 2), ("Top up", "top_up_link", 1)])
async def test_an_operators_link_is_photographed_with_the_opaque_account_in_it(
    stage: Stage, person: Person, title: str, link: str, up: int
) -> None:
    await choose_row(person, title, up=up)
    read = await photograph(person)
    begin = LINKS[link].partition("{")[0]
    assert read.startswith(begin)
    account = read.removeprefix(begin)
    assert len(account) == 32
    assert int(account, 16), "it names nobody"
    await person.press("menu")


async def test_a_contact_is_shared_by_a_code_that_another_phone_photographs(
    stage: Stage, person: Person, tmp_path: Path
) -> None:
    (tmp_path / "ann.vcf").write_text(CARD)
    await asyncio.to_thread(stage.handset.command, "consent", "grant", "contact_import")
    await asyncio.to_thread(stage.handset.command, "import", str(tmp_path / "ann.vcf"))
    await person.press("menu")
    await person.reads("Menu")
    await person.dial("1")
    await person.reads("Ann")
    await person.press("ok")
    await person.reads("1001")
    await person.dial("6")
    assert {"FN:Ann", "TEL:1001"} <= set((await photograph(person)).replace("\r", "").split("\n"))
    await person.press("menu")


async def test_calls_are_counted_here_and_who_got_what_is_listed(stage: Stage, person: Person) -> None:
    await asyncio.to_thread(stage.handset.command, "consent", "grant", "cdr_sync")
    await try_number(person, "6991")
    await choose(person, "73", "This phone", "Statistics")
    # Today's are not known while no time service has set the clock, as in the lab.
    await person.reads("Today")
    await person.dial("3")
    await person.reads("Dialled")
    await person.reads("1")
    await person.press("menu")
    await choose(person, "85", "Privacy", "Who got what")
    # Each line ends with its day.
    await person.reads(time.strftime("%b"))
    await person.press("ok")
    await person.reads("localhost")
    await person.press("menu")
