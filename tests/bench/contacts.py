"""How soon a search of the address book is answered, and how fast contacts come in: a real store, a real thread."""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.store.contacts import StoredContacts
from firmware.store.store import Store

COUNTS = (1_000, 10_000, 100_000)
_BATCH = 25
_TIMES = 40
_KEY = bytes(range(32))

_CHINESE = ("王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林单曾", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英重行乐")
_FIRST = "Ann Bob Carla Zoë Émile Jürgen Søren Maria John Peter Olga Björn Łukasz Nora Yusuf Ines Tom Eva".split()  # noqa: SIM905
_LAST = "Smith Müller Ångström García Dupont Rossi Novák Kowalski Jensen Brown Okafor Haddad Silva Kim".split()  # noqa: SIM905

QUERIES = {
    "one digit": ("2", "9", "1"),
    "Latin name": ("266", "9632", "535", "26676484"),
    "pinyin": ("9264", "94264934", "5426", "7426"),
    "initials": ("99", "59", "94"),
    "number": ("139", "+86138", "0086137", "5551234", "13912345678"),
    "nobody": ("777777777777", "0", "*", "#31#"),
}


@dataclass(frozen=True, slots=True)
class SearchTimes:
    """How long searches of one kind took, the way to the store's thread and back included."""

    contacts: int
    query: str
    median_ms: float
    p95_ms: float
    worst_ms: float


@dataclass(frozen=True, slots=True)
class ImportTimes:
    """How fast contacts came in, and how long a search had to wait meanwhile; `megabytes` is the store's size after."""

    contacts: int
    contacts_a_second: float
    batch_p95_ms: float
    batch_worst_ms: float
    megabytes: float


def measure() -> tuple[list[SearchTimes], list[ImportTimes]]:
    """Fill a store step by step and search it after each."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> tuple[list[SearchTimes], list[ImportTimes]]:
    path = folder / "store.db"
    store = Store(path, _KEY, lambda: None)
    await store.start()
    book = StoredContacts(store, "CN")
    people = _people()
    searches: list[SearchTimes] = []
    imports: list[ImportTimes] = []
    for count in COUNTS:
        imports.append(await _import(book, people, count, lambda: path.stat().st_size))
        for query, keys in QUERIES.items():
            searches.append(await _search(book, count, query, keys))
    await store.stop()
    return searches, imports


async def _import(
    book: StoredContacts, people: Iterator[Contact], count: int, size_bytes: Callable[[], int]
) -> ImportTimes:
    missing = count - await book.count()
    batches = []
    began = time.perf_counter()
    for _ in range(missing // _BATCH):
        batch = [next(people) for _ in range(_BATCH)]
        started = time.perf_counter()
        await book.merge(batch)
        batches.append(time.perf_counter() - started)
    elapsed_s = time.perf_counter() - began
    while (left := count - await book.count()) > 0:
        await book.merge([next(people) for _ in range(left)])
    return ImportTimes(
        count, missing / elapsed_s, 1000 * statistics.quantiles(batches, n=20)[-1], 1000 * max(batches),
        size_bytes() / 1e6,
    )  # fmt: skip


async def _search(book: StoredContacts, count: int, query: str, keys: tuple[str, ...]) -> SearchTimes:
    times = []
    for _ in range(_TIMES):
        for each in keys:
            began = time.perf_counter()
            await book.search(each, 8)
            times.append(1000 * (time.perf_counter() - began))
    return SearchTimes(count, query, statistics.median(times), statistics.quantiles(times, n=20)[-1], max(times))


def _people() -> Iterator[Contact]:
    chance = random.Random(20)
    while True:
        if chance.random() < 0.5:
            name = chance.choice(_CHINESE[0]) + "".join(chance.choices(_CHINESE[1], k=chance.choice((1, 2, 2))))
        else:
            name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
        count = chance.choice((1, 1, 2))
        numbers = [f"+861{chance.randrange(30, 100)}{chance.randrange(10**8):08}" for _ in range(count)]
        yield Contact(0, name, tuple(ContactNumber(number, NumberKind.MOBILE) for number in numbers))


def table(rows: tuple[list[SearchTimes], list[ImportTimes]]) -> tuple[Table, Table]:
    """Show both."""
    searches = Table("contacts", "query", "median ms", "p95 ms", "worst ms", title="Searching contacts")
    for row in rows[0]:
        searches.add_row(
            f"{row.contacts:,}", row.query, f"{row.median_ms:.2f}", f"{row.p95_ms:.2f}", f"{row.worst_ms:.2f}"
        )
    imports = Table("contacts", "a second", "batch p95 ms", "batch worst ms", "store MB", title="Importing contacts")
    for each in rows[1]:
        imports.add_row(
            f"{each.contacts:,}", f"{each.contacts_a_second:,.0f}", f"{each.batch_p95_ms:.1f}",
            f"{each.batch_worst_ms:.1f}", f"{each.megabytes:.1f}",
        )  # fmt: skip
    return searches, imports
