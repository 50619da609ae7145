"""Bad input at the whole handset: a person is answered at once, nothing is lost, and a call that runs is not harmed."""

import asyncio
import shutil
import statistics
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from io import BytesIO
from itertools import cycle, product
from pathlib import Path

import psutil
import pytest
from PIL import Image

from drivers.simulator.display import FAMILIES
from firmware.phone.contact import Contact, ContactNumber
from tests.lab.address_book import AddressBook
from tests.lab.measured import RecordProperty, assert_within
from tests.lab.office import BOB, PERSON, Colleague, Office, OpenEar, gaps_lately, hears, speaking
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.priority import ran_and_waited_s
from tests.lab.stage import Choices

pytestmark = pytest.mark.feature("bad contact files")

KNOWN = 10_000
FILE_BYTES = 100_000_000
# What the handset's process computes from a key to what that shows. How soon it shows by the clock is measured by
# `make bench PART=promises`.
MOST_FOR_A_KEY_S = 0.05
GROWTH_BYTES = 40_000_000
LONGEST_GAP_S = 0.04
STRETCHES = 5
LARGE = 12
WINDOW_S = 1.0
# A mono display of 128 points: the status bar takes 13 rows of 16 bytes, and holds the time.
BAR_BYTES = 13 * 16
CALLER = "5553"
NOBODY = "777777"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("office"), Choices())
    known = [Contact(0, f"Colleague {n}", (ContactNumber(f"+4420{n:08}"),)) for n in range(KNOWN)]
    asyncio.run(book_of(office).fill(known))
    with office.running():
        yield office


def book_of(office: Office) -> AddressBook:
    return AddressBook(office.stage.handset, "GB")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    bring_pictures(folder)
    return folder


@pytest.fixture
def exchange(office: Office) -> Iterator[Path]:
    """Return the folder that things are imported from."""
    folder = office.stage.handset.state_dir / "exchange"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


# --- what people bring ------------------------------------------------------------------------------------------------


def card(name: str, number: str, *more: str) -> str:
    return "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", f"FN:{name}", f"TEL:{number}", *more, "END:VCARD", ""])


def with_photographs(path: Path, who: str = "Friend", area: str = "+4430") -> None:
    """Every fifth card is broken."""
    photograph = "PHOTO;ENCODING=b;TYPE=JPEG:" + "A" * 250_000
    with path.open("w") as file:
        for n in range(FILE_BYTES // 250_000):
            file.write(card(f"{who} {n}", f"{area}{n:08}", *([] if n % 5 else ["no property"]), photograph))


def small_cards(path: Path) -> None:
    repeated("".join(card(f"Stranger {n}", f"+4450{n:08}") for n in range(10_000)).encode())(path)


def repeated(piece: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        block = piece * max(1, 1_000_000 // len(piece))
        with path.open("wb") as file:
            while file.tell() < FILE_BYTES:
                file.write(block)

    return write


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (header, *chunks, (b"IEND", b""))
    )


def deflated(megabytes: int) -> bytes:
    squeezing = zlib.compressobj(1)
    return b"".join(squeezing.compress(bytes(1_000_000)) for _ in range(megabytes)) + squeezing.flush()


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    content = BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def bring_pictures(folder: Path) -> None:
    """Write honest pictures, and some that mean harm or are none."""
    photograph = encoded(Image.linear_gradient("L").resize((800, 600)).convert("RGB"), "JPEG")
    frames = [Image.new("RGB", (8, 8), (n % 256, n // 256, 0)) for n in range(1000)]
    for name, content in {
        "a header that lies.png": png(60_000, 60_000, (b"IDAT", deflated(1))),
        "gigabytes of pixels.png": png(100, 100, (b"IDAT", deflated(600))),
        "gigabytes of text.png": png(100, 100, (b"zTXt", b"x\0\0" + deflated(300)), (b"IDAT", deflated(1))),
        "no end of frames.webp": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], method=0),
        "no end of frames.png": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "cut off.jpg": photograph[: len(photograph) // 2],
        "under a false name.png": photograph,
    }.items():
        (folder / name).write_bytes(content)
    large = png(4890, 4890, (b"IDAT", deflated(72)))
    for n in range(LARGE):
        (folder / f"as large as may be {n}.png").write_bytes(large)


# --- measuring --------------------------------------------------------------------------------------------------------


class Judge:
    """Presses keys and listens, and keeps what was measured.

    Attributes:
        keys_s: what the handset's process computed until a key was answered.
        gaps_s: for how long too much nobody was heard at worst, in each of some stretches.
    """

    def __init__(self, office: Office) -> None:
        self._office = office
        self.keys_s: list[float] = []
        self.gaps_s: list[float] = []

    async def presses(self, clerk: Person, *keys: str, shows: Sequence[str] = ()) -> None:
        """Press keys and wait for what each shows, the time on the display left out.

        Args:
            clerk: presses them.
            keys: each of them.
            shows: what the page says in words after the first, the second and so on, over and over; what is read
                meanwhile shows its progress. Where it is not given, it is whatever was not there before.
        """
        handset = self._office.stage.handset.main.pid
        for key, words in zip(keys, cycle(shows or [""]), strict=False):
            before, (ran_s, _) = clerk.frame[BAR_BYTES:], ran_and_waited_s(handset)

            def is_answered(page: Person, words: str = words, before: bytes = before) -> bool:
                return page.state["text"].startswith(words) if words else page.frame[BAR_BYTES:] != before

            await clerk.press(key)
            await clerk.wait_until(is_answered, PATIENCE_S)
            self.keys_s.append(ran_and_waited_s(handset)[0] - ran_s)

    async def listens(self, clerk: Person, ear: OpenEar, others: tuple[Colleague, Colleague]) -> None:
        """Press keys in a call and listen at both ends of it, for some stretches.

        What is missing counts as far as it is not missing in the others' call too, nor voice was kept waiting for a
        processor.
        """
        voice = self._office.stage.handset.voice.pid
        for _ in range(STRETCHES):
            (_, before_s), ends_at = ran_and_waited_s(voice), time.monotonic() + WINDOW_S
            await self.presses(clerk, *["volume_down", "volume_up"] * 2, shows=["Volume. 60%", "Volume. 70%"])
            await asyncio.sleep(max(0.0, ends_at - time.monotonic()))
            found = await gaps_lately(self._office, ear, others, WINDOW_S)
            self.gaps_s.append(max(0.0, found.excess_s - (ran_and_waited_s(voice)[1] - before_s)))


@pytest.fixture
def judge(office: Office, record_property: RecordProperty) -> Iterator[Judge]:
    """Return what presses keys and listens, and judge in the end: what harms a call harms all of it."""
    judge = Judge(office)
    yield judge
    assert_within(record_property, "key_cpu", max(judge.keys_s, default=0.0), MOST_FOR_A_KEY_S)
    if judge.gaps_s:
        assert_within(record_property, "undue_gap", statistics.median(judge.gaps_s), LONGEST_GAP_S)


async def says(clerk: Person, words: str) -> None:
    """Wait until the page says in words that the display shows these; patiently, as long as what it shows changes."""
    before: tuple[str, bytes] = ("", b"")

    def shows_another(page: Person) -> bool:
        return (page.state["text"], page.frame) != before

    while words not in before[0]:
        await clerk.wait_until(shows_another, PATIENCE_S)
        before = clerk.state["text"], clerk.frame


@asynccontextmanager
async def unharmed_call(office: Office, clerk: Person, judge: Judge) -> AsyncIterator[None]:
    """Be called by Bob and talk; then press keys and listen."""
    with office.others_talking() as others:
        office.bob.call(PERSON)
        await clerk.wait_for_mode("ringing")
        with OpenEar() as ear, speaking():
            await clerk.lift()
            await clerk.wait_for_call("active")
            await hears(ear, BOB)
            await hears(office.bob, PERSON)
            yield
            await judge.listens(clerk, ear, others)
    assert (await clerk.status())["call"] == "active"


@contextmanager
def bounded(office: Office) -> Iterator[psutil.Process]:
    """Watch the handset's own memory."""
    process = psutil.Process(office.stage.handset.main.pid)
    before = process.memory_info().rss
    yield process
    assert process.memory_info().rss - before < GROWTH_BYTES


async def is_at_work(process: psutil.Process, complaint: str) -> None:
    """See that a process of the handset's reads cards or decodes a picture; between two pictures none does."""

    def works() -> bool:
        with suppress(psutil.NoSuchProcess):
            return any("firmware." in word for child in process.children() for word in child.cmdline())
        return False

    ends_at = time.monotonic() + PATIENCE_S
    while not works():
        assert time.monotonic() < ends_at, complaint
        await asyncio.sleep(0.005)


async def to_import(clerk: Person) -> None:
    """Go where contacts are imported by key 2."""
    await clerk.press("menu")
    await clerk.reads("Menu")
    await clerk.dial("1")
    await clerk.reads("Colleague 0")
    await clerk.press("#")
    await clerk.reads("New contact")


# --- contact files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "added", "words"),
    [
        (
            with_photographs,
            320,
            "320 contacts added. 320 photos were left out. Broken cards: 80, the first in friends.vcf, line 5.",
        ),
        (repeated(b"A"), 0, "0 contacts added. Broken cards: 1, the first in friends.vcf, line 1."),
        (repeated(b"garbage " * 8 + b"\n"), 0, "0 contacts added. Broken cards: 1, the first in friends.vcf, line 1."),
    ],
    ids=["cards with photographs", "one endless line", "lines of garbage"],
)
async def test_of_100_mb_the_good_cards_are_imported_and_the_first_broken_one_is_named_by_its_line(
    office: Office,
    clerk: Person,
    judge: Judge,
    exchange: Path,
    *,
    write: Callable[[Path], None],
    added: int,
    words: str,
) -> None:
    await asyncio.to_thread(write, exchange / "friends.vcf")
    before = await book_of(office).count()
    with bounded(office):
        await to_import(clerk)
        await judge.presses(clerk, "2", "cancel", "2", "cancel", "2", shows=["Import", "Contacts, "])
        await says(clerk, words)
    await clerk.press("menu")
    assert await book_of(office).count() == before + added


# Of each file 200,000 cards are read, which of empty ones are few bytes.
@pytest.mark.parametrize(
    ("write", "files"),
    [(repeated(b"BEGIN:VCARD\nEND:VCARD\n"), 10), (small_cards, 1)],
    ids=["empty cards", "small cards"],
)
async def test_a_call_and_the_keys_know_nothing_of_100_mb_that_are_read_meanwhile(
    office: Office, judge: Judge, exchange: Path, write: Callable[[Path], None], files: int
) -> None:
    handset = office.stage.handset
    await asyncio.to_thread(write, exchange / "strangers.vcf")
    for number in range(1, files):
        (exchange / f"strangers-{number}.vcf").hardlink_to(exchange / "strangers.vcf")
    async with Person(handset) as clerk:
        await clerk.wait_for_line()
        with bounded(office) as process:
            await to_import(clerk)
            await judge.presses(clerk, *["2", "cancel"] * 3, shows=["Import", "Contacts, "])
            await judge.presses(clerk, "cancel", "cancel", shows=["Contacts (", "Menu, 1"])
            await judge.presses(clerk, *["volume_down", "volume_up"] * 5, shows=["Menu, 2", "Menu, 1"])
            await clerk.press("menu")
            async with unharmed_call(office, clerk, judge):
                await is_at_work(process, "the file was read before the call")
            await is_at_work(process, "the file was read before the call was over")
            await clerk.hang_up()
    call = await asyncio.to_thread(office.newest_call)
    assert (call["answered"], call["number"]) == (True, BOB)
    # The file is far from read. Whatever is there stays, whole, when the power fails.
    handset.cut_power()
    names = {contact.name for contact in await book_of(office).read() if contact.numbers}
    assert names >= {f"Colleague {n}" for n in range(KNOWN)}
    handset.start(sync=False)
    office.rest()


async def test_the_command_imports_100_mb_in_a_call_unheard_and_names_each_broken_card_by_its_line(
    office: Office, clerk: Person, judge: Judge, exchange: Path
) -> None:
    path = exchange / "friends.vcf"
    await asyncio.to_thread(with_photographs, path, "Relative", "+4420")

    listened = threading.Event()

    def keep_importing() -> str:
        while True:
            with pytest.raises(subprocess.CalledProcessError) as ended:
                office.stage.handset.command("import", str(path))
            if listened.is_set():
                return str(ended.value.stderr)

    with bounded(office):
        try:
            async with unharmed_call(office, clerk, judge):
                importing = asyncio.create_task(asyncio.to_thread(keep_importing))
        finally:
            listened.set()
        said = await importing
    broken = [line for line in said.splitlines() if line.endswith("unreadable")]
    assert broken[:2] == ["friends.vcf, line 5: unreadable", "friends.vcf, line 36: unreadable"]
    assert len(broken) == FILE_BYTES // 250_000 // 5


# --- pictures ---------------------------------------------------------------------------------------------------------


async def test_pictures_that_mean_harm_are_refused_beside_the_honest_ones_and_a_call_knows_nothing_of_them(
    office: Office, clerk: Person, judge: Judge, exchange: Path, pictures: Path
) -> None:
    shutil.copytree(pictures, exchange, dirs_exist_ok=True)
    with bounded(office) as process:
        await clerk.press("menu")
        await clerk.reads("Menu")
        await clerk.dial("66")
        await says(clerk, "Pictures")
        await judge.presses(clerk, "1", "cancel", "1", "cancel", "1", shows=["Import pictures", "Pictures, "])
        async with unharmed_call(office, clerk, judge):
            await is_at_work(process, "all pictures were decoded before the call")
        await clerk.replace()
        await clerk.wait_for_mode("menu")
        await says(clerk, f"{LARGE + 3} pictures imported. 4 were not:")


@pytest.mark.parametrize("name", ["a header that lies.png", "gigabytes of text.png", "cut off.jpg"])
async def test_the_command_refuses_a_picture_that_means_harm_in_words(
    office: Office, clerk: Person, judge: Judge, pictures: Path, name: str
) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        await asyncio.to_thread(office.stage.handset.command, "picture", "add", str(pictures / name))
    assert "picture" in refusal.value.stderr
    assert "Traceback" not in refusal.value.stderr
    await judge.presses(clerk, "menu", "menu", "menu", "menu")


# --- searches ---------------------------------------------------------------------------------------------------------


async def test_keys_that_mean_nobody_among_ten_thousand_are_answered_at_once(clerk: Person, judge: Judge) -> None:
    await clerk.press("menu")
    await clerk.reads("Menu")
    await clerk.dial("1")
    await clerk.reads("Colleague 0")
    await judge.presses(clerk, *NOBODY)
    await clerk.reads("Nobody found")
    await clerk.press("menu")
    await judge.presses(clerk, *NOBODY)


# --- names ------------------------------------------------------------------------------------------------------------


class Reader:
    """Reads the page in words, and makes sure each time that it was drawn: the display shows what it never showed."""

    def __init__(self, clerk: Person) -> None:
        self._clerk = clerk
        self._seen: set[bytes] = set()

    async def chooses(self, family: str) -> None:
        await self._clerk.choose_display(family)
        await self._clerk.wait_until(lambda page: page.family == family and bool(page.frame), PATIENCE_S)
        self._seen = {self._clerk.frame}

    async def reads(self, beginning: str) -> None:
        await self._clerk.wait_until(lambda page: page.state["text"].startswith(beginning), PATIENCE_S)
        await self._clerk.wait_until(lambda page: page.frame not in self._seen, PATIENCE_S)
        self._seen.add(self._clerk.frame)


NAMES = {
    "98001": ("\u202eEvil\u202c \u2066twin\u2069\u200f", "Evil twin"),
    "98002": ("\u200bZero\ufeff\u200bwidth\u00ad", "Zerowidth"),
    "98003": ("Long" * 2500, "Long" * 20),
    "98004": ("\U0001f469\u200d\U0001f467 \U0001f600\U0001f3fd", "\U0001f469\u200d\U0001f467 \U0001f600\U0001f3fd"),
    "98005": ("Two\\nlines\\n" * 50, "Two lines Two lines"),
    "98006": ("Heap" + "\u0301\u0316" * 1000, "Hea"),
}


async def test_names_that_mean_harm_are_shown_on_every_page_of_every_display_and_in_no_log(
    office: Office, clerk: Person, exchange: Path, tmp_path: Path
) -> None:
    (exchange / "names.vcf").write_text("".join(card(name, number) for number, (name, _) in NAMES.items()))
    await to_import(clerk)
    await clerk.dial("2")
    await says(clerk, "contacts added.")
    await clerk.press("menu")
    reader = Reader(clerk)
    for family, (number, (_, name)) in product(FAMILIES, NAMES.items()):
        if clerk.family != family or number == next(iter(NAMES)):
            await reader.chooses(family)
        digits = " ".join(number)
        await clerk.press("menu")
        await clerk.dial(f"1{number}")
        await reader.reads(f"Search: {digits}, 1 of 1. {name}")
        await clerk.press("ok")
        await reader.reads(name)
        await clerk.dial("6")
        await reader.reads(f"Share. {name}")
        await clerk.press("menu")
        await clerk.wait_for_mode("idle")
        await clerk.dial(number)
        await reader.reads(digits)
        await clerk.rest()
        with office.outsider(tmp_path, number):
            await reader.reads(f"Incoming call. {name}")
            await clerk.press("cancel")
            await clerk.wait_for_mode("idle")
        await clerk.press("menu")
        await clerk.dial("31")
        await reader.reads("All calls, 1 of ")
        assert f". Missed: {name}" in clerk.state["text"]
        await clerk.press("menu")
    await clerk.choose_display(next(iter(FAMILIES)))
    log = office.stage.handset.main.log
    assert not [name for _, name in NAMES.values() if name[:8] in log]
