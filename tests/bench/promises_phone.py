"""What the whole handset promises of times: each promise beside a trivial task of the same kind."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psutil

from tests.bench.promises import Pair, Series, seconds, wait_until_heard_at
from tests.lab.audio import Recorder, start_playing, tone
from tests.lab.killed_voice import killed_amid, office_that_records, shuffled_activities
from tests.lab.office import Gaps, Office, OpenEar, gaps_lately, speaking, talk
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person

_DIAL_TONE_HZ: Final = (350, 440)
_REFERENCE_HZ: Final = 1000
_FILE_BYTES: Final = 100_000_000
_BAR_BYTES: Final = 13 * 16
"""A mono display's status bar, which holds the time."""
_KILLS_A_CALL: Final = 20
_SETTLE_S: Final = 2.0
_HALF_S: Final = 0.9
"""A bit less than half of what the other phones remember of what they heard."""


def measure(folder: Path, samples: int) -> Iterator[Series]:
    """Measure on one office."""
    with office_that_records(folder) as office:
        yield seconds(
            "voice is registered again after a kill", 1.0, "Python starts", asyncio.run(_returns(office, samples))
        )
        yield seconds(
            "sound goes on while the handset is killed",
            0.04,
            "between two other phones",
            asyncio.run(_gaps(office, samples)),
        )
        yield seconds("dial tone after lifting", 0.25, "a tone of paplay", asyncio.run(_dial_tones(office, samples)))
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as cat:
            keys = _keys(office, samples, lambda: _through(cat))
            yield seconds("a key beside 100 MB of contacts", 0.1, "a byte through cat", asyncio.run(keys))
            cat.kill()


def _took_s(task: Callable[[], object]) -> float:
    began_s = time.monotonic()
    task()
    return time.monotonic() - began_s


async def _returns(office: Office, samples: int) -> list[Pair]:
    dice, pairs = random.Random(1), []
    for activity in shuffled_activities(samples, dice):
        death = await killed_amid(activity, office, dice.uniform(0, 0.5))
        pairs.append((death.away_s, await asyncio.to_thread(_took_s, _start_python)))
    return pairs


def _start_python() -> None:
    subprocess.run([sys.executable, "-c", "import asyncio, ssl"], check=True)


async def _gaps(office: Office, samples: int) -> list[Pair]:
    handset = office.stage.handset
    pairs: list[Pair] = []
    while len(pairs) < samples:
        async with Person(handset) as clerk:
            await clerk.wait_for_line()
            with office.others_talking() as others, speaking(), OpenEar() as ear:
                await talk(clerk, office.bob)
                await asyncio.sleep(_SETTLE_S)
                for _ in range(min(_KILLS_A_CALL, samples - len(pairs))):
                    found: list[Gaps] = []
                    await asyncio.to_thread(handset.main.kill)
                    # Longer ago than this nobody remembers.
                    for action in (lambda: None, handset.main.start):
                        began_s = time.monotonic()
                        await asyncio.gather(asyncio.to_thread(action), asyncio.sleep(_HALF_S))
                        found.append(await gaps_lately(office, ear, others, time.monotonic() - began_s + 0.2))
                    pairs.append((max(each.call_s for each in found), max(each.others_s for each in found)))
        async with Person(handset) as clerk:
            office.rest()
            await clerk.rest()
    return pairs


async def _dial_tones(office: Office, samples: int) -> list[Pair]:
    pairs: list[Pair] = []
    async with Person(office.stage.handset) as clerk:
        await clerk.wait_for_line()
        for _ in range(samples):
            with Recorder("ear_monitor") as ear:
                lifted_at = time.monotonic()
                await clerk.lift()
                heard_at = await asyncio.to_thread(wait_until_heard_at, ear, _DIAL_TONE_HZ)
                await clerk.hang_up()
            with Recorder("bell_monitor") as bell:
                played_at = time.monotonic()
                player = start_playing("bell", tone([_REFERENCE_HZ], 0.3))
                reference_at = await asyncio.to_thread(wait_until_heard_at, bell, (_REFERENCE_HZ,))
                player.join()
            pairs.append((heard_at - lifted_at, reference_at - played_at))
    return pairs


async def _keys(office: Office, samples: int, reference: Callable[[], None]) -> list[Pair]:
    exchange = office.stage.handset.state_dir / "exchange"
    exchange.mkdir()
    cards = "".join(
        f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Stranger {number}\r\nTEL:+4430{number:08}\r\nEND:VCARD\r\n"
        for number in range(10_000)
    )
    with (exchange / "strangers.vcf").open("w") as file:
        for _ in range(_FILE_BYTES // len(cards)):
            file.write(cards)
    pairs: list[Pair] = []
    async with Person(office.stage.handset) as clerk:
        await clerk.press("menu")
        await clerk.dial("1")
        await clerk.press("#")
        await clerk.reads("New contact")
        await clerk.press("2")
        await clerk.press("menu")
        await asyncio.sleep(_SETTLE_S)
        for number in range(samples):
            key_s = await _answered_s(clerk, ("volume_down", "volume_up")[number % 2])
            pairs.append((key_s, _took_s(reference)))
    readers = psutil.Process(office.stage.handset.main.pid).children()
    assert any("firmware." in word for reader in readers for word in reader.cmdline()), "the file was read before"
    return pairs


async def _answered_s(clerk: Person, key: str) -> float:
    before = clerk.frame[_BAR_BYTES:]
    began_s = time.monotonic()
    await clerk.press(key)
    await clerk.wait_until(lambda page: page.frame[_BAR_BYTES:] != before, PATIENCE_S)
    return time.monotonic() - began_s


def _through(cat: "subprocess.Popen[bytes]") -> None:
    assert cat.stdin is not None
    assert cat.stdout is not None
    cat.stdin.write(b".")
    cat.stdout.read(1)
