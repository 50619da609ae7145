"""A power cut at any moment of an update leaves a card that starts a whole system, with all that the phone keeps.

The writes of one whole update are logged; each flush and many moments of chance are judged without booting. What is odd
is booted, and the model of the bootloader has to agree; and the power is really cut at moments of chance.
"""

import random
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from firmware.setup.root.boot.choice import Slot
from firmware.setup.root.update.memory import Phase
from firmware.store.key_wrap import CREDENTIAL_NAME
from tests.fakes.boot_firmware import Started
from tests.lab.card_judge import KERNELS, START, CardJudge, Verdict, check_store, kernel_of, read_table
from tests.lab.chance import SEED, counted, dice
from tests.lab.network import Namespace
from tests.lab.pc_card import IMAGE
from tests.lab.updating_card import UpdatingCard, make_update_stick
from tests.lab.write_log import Replay, WriteLog

CUTS: Final = counted(10_000, 1_000)
BATCHES: Final = counted(10, 1)
"""The soak goes on with the next batch where it was stopped."""
BOOTED: Final = 20
REAL_CUTS: Final = 10
"""So many a batch."""

pytestmark = pytest.mark.soak


@dataclass(frozen=True, slots=True)
class Logged:
    """The writes of one whole update.

    Attributes:
        begin: how many entries the log had when the update began.
        credentials: a folder with the key of the phone's store.
        took_s: how long the update took.
    """

    log: WriteLog
    begin: int
    credentials: Path
    took_s: float


@dataclass(frozen=True, slots=True)
class Cut:
    """A power cut that was judged.

    Attributes:
        point, seed: see Replay.cut.
    """

    point: int
    seed: int | None
    verdict: Verdict


@pytest.fixture(scope="module")
def network() -> Iterator[Namespace]:
    with Namespace() as network:
        yield network


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_update_stick(tmp_path_factory.mktemp("stick")).image


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory, network: Namespace, stick: Path) -> Logged:
    """An update from a card that was just written, with all that it wrote."""
    folder = tmp_path_factory.mktemp("logged")
    writes, credentials = folder / "writes.log", folder / "credentials"
    card = UpdatingCard(folder, IMAGE / "wecall.img", network, stick, writes)
    card.machine.lay_cable()
    try:
        card.start()
        credentials.mkdir()
        (credentials / CREDENTIAL_NAME).write_bytes(card.store_key)
        card.machine.run("sync")
        begin = len(WriteLog(writes).entries)
        began_s = time.monotonic()
        card.update()
        took_s = time.monotonic() - began_s
        assert card.started == Started(Slot.B, as_trial=True)
        card.machine.run("sync")
    finally:
        card.cut_power()
    return Logged(WriteLog(writes), begin, credentials, took_s)


@pytest.fixture(scope="module")
def cuts(tmp_path_factory: pytest.TempPathFactory, logged: Logged) -> list[Cut]:
    """A cut after each flush and many at moments of chance, in the order of their points, judged."""
    folder = tmp_path_factory.mktemp("judged")
    decided, last = random.Random(f"{SEED} cuts"), len(logged.log.entries)
    points: list[tuple[int, int | None]] = [(each + 1, None) for each in logged.log.flushes if each >= logged.begin]
    points += [(decided.randint(logged.begin, last), decided.getrandbits(32)) for _ in range(CUTS)]
    points.sort(key=lambda point: (point[0], point[1] or 0))
    environment = {"CREDENTIALS_DIRECTORY": str(logged.credentials)}
    with closing(replay_of(logged, folder)) as replay:
        first = replay.cut(0)
        kernel = kernel_of(first.copy(read_table(first)[KERNELS[Slot.A]], folder / "kernel.img"))
        judge = CardJudge(first, folder, [kernel], lambda store: check_store(store, environment))
        return [Cut(point, seed, judge.judge(replay.cut(point, seed))) for point, seed in points]


def replay_of(logged: Logged, folder: Path) -> Replay:
    """Return the card of the log, on which of the first partition's torn sectors each byte is old or new."""
    image = IMAGE / "wecall.img"
    with closing(Replay(image, logged.log, folder / "working.img")) as replay:
        start = read_table(replay.cut(0))[START]
    return Replay(image, logged.log, folder / "working.img", start)


def test_every_cut_leaves_a_whole_system_and_all_that_is_kept(cuts: list[Cut]) -> None:
    assert {(cut.point, cut.seed): cut.verdict.faults for cut in cuts if cut.verdict.faults} == {}
    # It was a whole update: nothing waits, it waits, it is on trial, it is kept.
    memories = [cut.verdict.memory for cut in cuts if cut.verdict.memory is not None]
    assert {each.waiting and each.waiting.phase for each in memories} == {None, Phase.PENDING, Phase.RUNNING}
    trial = Started(Slot.B, as_trial=True)
    assert {cut.verdict.started for cut in cuts} == {Started(slot, as_trial=False) for slot in Slot} | {trial}


@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_machine_starts_what_the_model_says(
    tmp_path: Path, cuts: list[Cut], logged: Logged, network: Namespace, batch: int
) -> None:
    odd = {cut.verdict.kind: cut for cut in cuts if cut.verdict.oddities}
    others = [cut for cut in cuts if not cut.verdict.oddities]
    count = max(0, BATCHES * BOOTED - len(odd))
    chosen = [*odd.values(), *random.Random(f"{SEED} booted").sample(others, count)][batch::BATCHES]
    found = {}
    with closing(replay_of(logged, tmp_path)) as replay:
        for cut in sorted(chosen, key=lambda cut: cut.point):
            folder = tmp_path / "booted"
            folder.mkdir()
            card = UpdatingCard(folder, replay.cut(cut.point, cut.seed).write(folder / "card.img"), network)
            try:
                card.start()
                found[cut] = card.started
            finally:
                card.cut_power()
            shutil.rmtree(folder)
    assert [(cut, started) for cut, started in found.items() if started != cut.verdict.started] == []


@pytest.mark.parametrize("_batch", range(BATCHES))
def test_after_real_cuts_the_phone_starts_and_the_update_comes_to_its_end(
    tmp_path: Path, logged: Logged, network: Namespace, stick: Path, _batch: int
) -> None:
    decides, cut_off, number = dice(), 0, 0
    with closing(replay_of(logged, tmp_path)) as replay:
        image = replay.cut(logged.begin).write(tmp_path / "begun.img")
    with ThreadPoolExecutor(1) as pool:
        while cut_off < REAL_CUTS:
            folder = tmp_path / f"card {number}"
            folder.mkdir(exist_ok=True)
            card = UpdatingCard(folder, image, network, stick)
            try:
                card.start()
                updating = pool.submit(card.update)
                is_done = bool(wait([updating], decides.uniform(0, logged.took_s)).done)
            finally:
                card.cut_power()
            if is_done:
                updating.result()
                shutil.rmtree(folder)
                number += 1
            else:
                # What it says of a machine that is gone.
                wait([updating])
                cut_off += 1
    card = UpdatingCard(folder, image, network, stick)
    try:
        card.start()
        card.update()
    finally:
        card.cut_power()
