"""A power cut at any moment of an update leaves a card that starts a whole system, with all that the phone keeps.

The writes of one whole update are logged; each flush and many moments of chance are judged without booting. What is odd
is booted, and the model of the bootloader has to agree; and the power is really cut at moments of chance, which is
judged and booted likewise.
"""

import multiprocessing
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest
from pydantic import TypeAdapter

from firmware.setup.root.boot.choice import Slot
from firmware.setup.root.update.memory import Phase
from firmware.store.key_wrap import CREDENTIAL_NAME
from tests.fakes.boot_firmware import Started
from tests.lab import card_judge, write_log
from tests.lab.card_judge import KERNELS, START, CardJudge, Verdict, check_store, kernel_of, read_table
from tests.lab.chance import SEED, SOAK, counted, dice
from tests.lab.network import Namespace
from tests.lab.pc_card import IMAGE
from tests.lab.updating_card import VERSION, UpdatingCard, make_update_stick
from tests.lab.virtual_machine import lay_cable
from tests.lab.write_log import Replay, State, WriteLog, still_disk
from tests.soak import PROGRESS

CUTS: Final = counted(10_000, 1_000)
BOOT_BATCHES: Final = counted(10, 1)
"""The soak goes on with the next batch where it was stopped."""
BOOTED: Final = 20
"""So many a batch."""
REAL_CUTS: Final = counted(100, 10)
MACHINES: Final = 2
PROCESSES: Final = 2
"""So many at once."""
SPARE: Final = 0.2
"""So much more often than needed a card is left, since chance says when."""

Point = tuple[int, int | None]
"""Where the power is cut, and with which seed: see Replay.cut."""

pytestmark = pytest.mark.soak


@dataclass(frozen=True, slots=True)
class Logged:
    """The writes of one whole update.

    Attributes:
        begin: how many entries the log had when the update began.
        took_s: how long the update took.
        kernels: what `kernel_of` says of the two releases' kernels.
    """

    begin: int
    took_s: float
    kernels: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Cut:
    """A power cut that was judged.

    Attributes:
        point, seed: see Replay.cut.
    """

    point: int
    seed: int | None
    verdict: Verdict


_LOGGED: Final = TypeAdapter(Logged)
_CUTS: Final = TypeAdapter(list[Cut])


# What is in the folder of records: a log of the update, a folder with the key of the phone's store, how the update went
# (once it has come to its end), and the verdicts (once all cuts are judged).
WRITES: Final = "writes.log"
CREDENTIALS: Final = "credentials"
HOW_IT_WENT: Final = "logged.json"
VERDICTS: Final = "cuts.json"


@pytest.fixture(scope="module")
def networks() -> Iterator[Sequence[Namespace]]:
    with ExitStack() as stack:
        networks = [stack.enter_context(Namespace()) for _ in range(MACHINES)]
        for network in networks:
            lay_cable(network)
        yield networks


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_update_stick(tmp_path_factory.mktemp("stick")).image


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory, stick: Path) -> Collection[str]:
    """What `kernel_of` says of the kernels of the card and of the stick's release, which each run makes anew."""
    folder = tmp_path_factory.mktemp("kernels")
    found = []
    for card in (IMAGE / "wecall.img", stick.parent / VERSION / "wecall.img"):
        with still_disk(card, folder / "working.img") as disk:
            found.append(kernel_in(Slot.A, disk, folder))
    return found


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the writes of one whole update, what they are judged with and the verdicts; the soak keeps it."""
    if not SOAK:
        return tmp_path_factory.mktemp("records")
    judges = (Path(str(each.__file__)) for each in (card_judge, write_log))
    made_by = (IMAGE / "root.hash", *judges)
    name = sha256(b"".join([str(SEED).encode(), *(each.read_bytes() for each in made_by)])).hexdigest()[:16]
    folder = PROGRESS / "power-cuts" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def logged(
    tmp_path_factory: pytest.TempPathFactory, networks: Sequence[Namespace], stick: Path, records: Path
) -> Logged:
    """An update from a card that was just written, with all that it wrote."""
    if (records / HOW_IT_WENT).exists():
        return _LOGGED.validate_json((records / HOW_IT_WENT).read_bytes())
    (records / WRITES).unlink(missing_ok=True)
    folder = tmp_path_factory.mktemp("logged")
    card = UpdatingCard(folder, IMAGE / "wecall.img", networks[0], stick, records / WRITES)
    try:
        card.start()
        (records / CREDENTIALS).mkdir(exist_ok=True)
        (records / CREDENTIALS / CREDENTIAL_NAME).write_bytes(card.store_key)
        card.machine.run("sync")
        begin = len(WriteLog(records / WRITES).entries)
        began_s = time.monotonic()
        card.update()
        took_s = time.monotonic() - began_s
        assert card.started == Started(Slot.B, as_trial=True)
        card.machine.run("sync")
        assert "I/O error" not in (folder / "console.log").read_text(errors="replace")
    finally:
        card.cut_power()
    with closing(replay_of(WriteLog(records / WRITES), folder)) as replay:
        kernels = (
            kernel_in(Slot.A, replay.cut(0), folder),
            kernel_in(Slot.B, replay.cut(len(replay.log.entries)), folder),
        )
    logged = Logged(begin, took_s, kernels)
    (records / HOW_IT_WENT).write_bytes(_LOGGED.dump_json(logged))
    return logged


@pytest.fixture(scope="module")
def cuts(tmp_path_factory: pytest.TempPathFactory, logged: Logged, records: Path) -> list[Cut]:
    """A cut after each flush and many at moments of chance, in the order of their points, judged."""
    if (records / VERDICTS).exists():
        return _CUTS.validate_json((records / VERDICTS).read_bytes())
    decided, log = random.Random(f"{SEED} cuts"), WriteLog(records / WRITES)
    points: list[Point] = [(each + 1, None) for each in log.flushes if each >= logged.begin]
    points += [(decided.randint(logged.begin, len(log.entries)), decided.getrandbits(32)) for _ in range(CUTS)]
    points.sort(key=lambda point: (point[0], point[1] or 0))
    length = -(-len(points) // PROCESSES)
    parts = [points[at : at + length] for at in range(0, len(points), length)]
    folders = [tmp_path_factory.mktemp("judged") for _ in parts]
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("forkserver")) as pool:
        known = [logged.kernels] * len(parts)
        cuts = [cut for some in pool.map(judged, [records] * len(parts), known, parts, folders) for cut in some]
    (records / VERDICTS).write_bytes(_CUTS.dump_json(cuts))
    return cuts


def judged(records: Path, kernels: Collection[str], points: Sequence[Point], folder: Path) -> list[Cut]:
    """Judge some cuts, in the order of their points; `folder` is for copies."""
    with closing(replay_of(WriteLog(records / WRITES), folder)) as replay:
        judge = judge_of(replay.cut(0), records, kernels, folder)
        return [Cut(point, seed, judge.judge(replay.cut(point, seed))) for point, seed in points]


def judged_as_it_lies(card: UpdatingCard, records: Path, kernels: Collection[str], folder: Path) -> Verdict:
    """Judge a card that nobody writes to; `folder` is for copies."""
    with (
        still_disk(IMAGE / "wecall.img", folder / "first.img") as first,
        still_disk(card.card.write_image(folder / "left.img"), folder / "working.img") as left,
    ):
        return judge_of(first, records, kernels, folder).judge(left)


def judge_of(first: State, records: Path, kernels: Collection[str], folder: Path) -> CardJudge:
    environment = {"CREDENTIALS_DIRECTORY": str(records / CREDENTIALS)}
    return CardJudge(first, folder, kernels, lambda store: check_store(store, environment))


def kernel_in(slot: Slot, state: State, folder: Path) -> str:
    return kernel_of(state.copy(read_table(state)[KERNELS[slot]], folder / "kernel.img"))


def replay_of(log: WriteLog, folder: Path) -> Replay:
    """Return the card of a log, on which of the first partition's torn sectors each byte is old or new."""
    image = IMAGE / "wecall.img"
    with closing(Replay(image, log, folder / "working.img")) as replay:
        start = read_table(replay.cut(0))[START]
    return Replay(image, log, folder / "working.img", start)


def test_every_cut_leaves_a_whole_system_and_all_that_is_kept(cuts: list[Cut]) -> None:
    assert {(cut.point, cut.seed): cut.verdict.faults for cut in cuts if cut.verdict.faults} == {}
    # It was a whole update: nothing waits, it waits, it is on trial, it is kept.
    memories = [cut.verdict.memory for cut in cuts if cut.verdict.memory is not None]
    assert {each.waiting and each.waiting.phase for each in memories} == {None, Phase.PENDING, Phase.RUNNING}
    trial = Started(Slot.B, as_trial=True)
    assert {cut.verdict.started for cut in cuts} == {Started(slot, as_trial=False) for slot in Slot} | {trial}


@pytest.mark.parametrize("batch", range(BOOT_BATCHES))
def test_the_machine_starts_what_the_model_says(
    tmp_path: Path, cuts: list[Cut], records: Path, networks: Sequence[Namespace], batch: int
) -> None:
    odd = {cut.verdict.kind: cut for cut in cuts if cut.verdict.oddities}
    others = [cut for cut in cuts if not cut.verdict.oddities]
    count = max(0, BOOT_BATCHES * BOOTED - len(odd))
    chosen = [*odd.values(), *random.Random(f"{SEED} booted").sample(others, count)][batch::BOOT_BATCHES]
    chosen.sort(key=lambda cut: cut.point)

    def start(cut: Cut, folder: Path, network: Namespace) -> Started:
        card = UpdatingCard(folder, folder / "card.img", network)
        try:
            # The phone takes five times as long as its system alone.
            (card.start if cut.verdict.oddities else card.boot)()
            return card.started
        finally:
            card.cut_power()
            shutil.rmtree(folder)

    found: list[Started] = []
    with closing(replay_of(WriteLog(records / WRITES), tmp_path)) as replay, ThreadPoolExecutor(MACHINES) as pool:
        for at in range(0, len(chosen), MACHINES):
            some = chosen[at : at + MACHINES]
            folders = [tmp_path / f"card {number}" for number, _ in enumerate(some)]
            for cut, folder in zip(some, folders, strict=True):
                folder.mkdir()
                replay.cut(cut.point, cut.seed).write(folder / "card.img")
            found += pool.map(start, some, folders, networks)
    assert found == [cut.verdict.started for cut in chosen]


Judge = Callable[[UpdatingCard, Path], Verdict]
"""Judges a card that nobody writes to; the folder is for copies."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one machine after the other is updated.

    Attributes:
        folder: for their cards.
        image: the card that an update begins with.
        stick: has the update; it is in one machine at a time.
        moments: says when the plug is pulled.
    """

    folder: Path
    image: Path
    stick: Path
    network: Namespace
    moments: random.Random

    def card(self, folder: Path) -> UpdatingCard:
        """Return the card in a folder, a new one where there is none."""
        return UpdatingCard(folder, self.image, self.network, self.stick)

    def new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    def leave_cards(self, count: int, pause_s: float) -> list[Path]:
        """Return the folders of so many cards, which an update leaves whose plug is pulled.

        More of them are left, `pause_s` apart on average, and chance says which are kept: of an update that takes
        longer than another every moment is as likely.
        """
        kept: list[Path] = []
        seen = 0
        while len(kept) < count:
            card = self.card(self.new_folder())
            with ThreadPoolExecutor(1) as pool:
                try:
                    card.start()
                    updating = pool.submit(card.update)
                    while not wait([updating], self.moments.expovariate(1 / pause_s)).done:
                        seen += 1
                        if len(kept) == count:
                            if (given_up := self.moments.randrange(seen)) >= count:
                                continue
                            shutil.rmtree(kept.pop(given_up))
                        kept.append(self.new_folder())
                        card.leave_card(kept[-1])
                    updating.result()
                finally:
                    # What an update says of a machine that is gone is not looked at.
                    card.cut_power()
        return kept

    def boot(self, folders: Sequence[Path], judge: Judge) -> list[str]:
        """Judge and boot the cards in some folders; return what is wrong."""
        wrong = []
        for folder in folders:
            card = self.card(folder)
            verdict = judge(card, folder)
            try:
                card.boot()
                if verdict.faults or card.started != verdict.started:
                    wrong.append(f"{folder} started {card.started}: {verdict}")
                    continue
            finally:
                card.cut_power()
            shutil.rmtree(folder)
        return wrong


@pytest.fixture
def desks(tmp_path: Path, logged: Logged, records: Path, networks: Sequence[Namespace], stick: Path) -> Sequence[Desk]:
    image, decides = tmp_path / "begun.img", dice()
    with closing(replay_of(WriteLog(records / WRITES), tmp_path)) as replay:
        replay.cut(logged.begin).write(image)
    desks = []
    for number, network in enumerate(networks):
        folder = tmp_path / f"desk-{number}"
        folder.mkdir()
        own_stick = Path(shutil.copy(stick, folder))
        desks.append(Desk(folder, image, own_stick, network, random.Random(decides.random())))
    return desks


# A hundred take more than the two hours that the soak gives a test.
@pytest.mark.timeout(counted(4 * 3600, 2 * 3600))
def test_a_real_cut_leaves_a_whole_system_and_the_update_comes_to_its_end(
    desks: Sequence[Desk], logged: Logged, records: Path, kernels: Collection[str]
) -> None:
    def leave_cards(desk: Desk) -> list[Path]:
        count = REAL_CUTS // MACHINES
        return desk.leave_cards(count, logged.took_s / count * (1 - SPARE))

    def judge(card: UpdatingCard, scratch: Path) -> Verdict:
        return judged_as_it_lies(card, records, kernels, scratch)

    with ThreadPoolExecutor(MACHINES) as pool:
        left = list(pool.map(leave_cards, desks))
        goes_on = left[0].pop(desks[0].moments.randrange(len(left[0])))
        wrong = pool.map(lambda desk, cards: desk.boot(cards, judge), desks, left)
        assert [each for some in wrong for each in some] == []
    card = desks[0].card(goes_on)
    verdict = judge(card, goes_on)
    try:
        card.start()
        assert (verdict.faults, verdict.started) == ((), card.started)
        card.update()
    finally:
        card.cut_power()
