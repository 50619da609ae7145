"""The judge of cards after power cuts: whatever is broken on a card makes it complain, and nothing else does."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.setup.root.boot.choice import Marks, Slot
from firmware.setup.root.update.memory import Memory, Phase, Waiting, write_memory
from tests.fakes.boot_firmware import Started
from tests.lab.card_judge import STATE, STORE, CardJudge, Verdict, check_store, kernel_of
from tests.lab.guarded_store import open_store_of
from tests.lab.small_card import A_FLUSH, SmallCard, changes, write_log
from tests.lab.write_log import Replay

WAITING = Waiting(slot=Slot.B, version="2", manifest_sha256="0" * 64)
RUNNING = WAITING.model_copy(update={"phase": Phase.RUNNING, "tries": 1})


class Bench:
    """A card, what is on its data partition, and its judge."""

    def __init__(self, folder: Path, data: Path) -> None:
        self._folder = folder
        self.data = data
        self.card = SmallCard(folder, data)
        self._kernels = {self._kernel(release) for release in (2, 1)}
        (folder / "scratch").mkdir()

    def _kernel(self, release: int) -> str:
        self.card.install(Slot.A, release)
        image = self._folder / "boot.img"
        image.write_bytes(self.card.part(2))
        return kernel_of(image)

    def remember(self, waiting: Waiting | None) -> None:
        """Have root remember an update."""
        write_memory(self.data / STATE, Memory(waiting=waiting))
        self.card.keep(self.data)

    def verdict(self, change: Callable[[], object] = lambda: None) -> Verdict:
        """Judge the card after a change to it that was flushed."""
        before = self._folder / "before.img"
        shutil.copy(self.card.image, before)
        change()
        log = write_log(self._folder / "log", *changes(before.read_bytes(), self.card.content), A_FLUSH)
        replay = Replay(before, log, self._folder / "working")
        try:
            judge = CardJudge(
                replay.cut(0), self._folder / "scratch", self._kernels, lambda store: check_store(store, {})
            )
            return judge.judge(replay.cut(len(log.entries)))
        finally:
            replay.close()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a card's data partition has."""
    data = tmp_path_factory.mktemp("data")
    for name in (STATE, STORE, "etc/wecall"):
        (data / name).mkdir(parents=True)
    (data / "etc/machine-id").write_text("0" * 32 + "\n")
    (data / "etc/wecall/config.toml").write_text("version = 1\n")

    async def make_store() -> None:
        await (await open_store_of(data / STORE)).stop()

    asyncio.run(make_store())
    return data


@pytest.fixture
def bench(tmp_path: Path, kept: Path) -> Bench:
    return Bench(tmp_path, shutil.copytree(kept, tmp_path / "kept"))


def test_a_card_at_rest_has_no_fault(bench: Bench) -> None:
    assert bench.verdict() == Verdict(Started(Slot.A, as_trial=False), Memory(), True, (), ())


def test_a_trial_of_a_whole_system_is_odd_and_no_fault(bench: Bench) -> None:
    bench.card.install(Slot.B, 2)
    bench.remember(RUNNING)
    verdict = bench.verdict(lambda: bench.card.mark(Marks(Slot.A, Slot.B)))
    assert (verdict.started, verdict.faults) == (Started(Slot.B, as_trial=True), ())
    assert verdict.oddities == ("a trial is due", "root remembers a trial")


def test_a_torn_kernel_is_found(bench: Bench) -> None:
    sectors = bench.card.part(2)
    middle = sectors.index(b"HdrS") + 4096
    verdict = bench.verdict(lambda: bench.card.put(2, b"x" * 512, middle // 512 * 512))
    assert verdict.faults == ("the kernel of system A is that of no release",)


def test_a_kernel_that_does_not_load_leads_to_the_other_system(bench: Bench) -> None:
    bench.card.install(Slot.B, 2)
    verdict = bench.verdict(lambda: bench.card.put(2, bytes(4096)))
    assert (verdict.started, verdict.faults) == (Started(Slot.B, as_trial=False), ())
    assert verdict.oddities == ("the primary system does not load",)


def test_a_changed_block_of_the_root_is_found(bench: Bench) -> None:
    verdict = bench.verdict(lambda: bench.card.put(5, b"x", 40_000))
    assert verdict.faults == ("the root of system A is damaged",)


def test_a_primary_system_that_is_written_half_is_found(bench: Bench) -> None:
    bench.card.install(Slot.B, 2)
    bench.card.put(6, bytes(100_000), 30_000)
    verdict = bench.verdict(lambda: bench.card.mark(Marks(Slot.B, None)))
    assert verdict.faults == ("the root of system B is damaged",)


def test_a_root_of_another_release_than_its_kernel_is_found(bench: Bench) -> None:
    bench.card.install(Slot.B, 2, ["boot"])
    bench.card.install(Slot.B, 1, ["root"])
    verdict = bench.verdict(lambda: bench.card.mark(Marks(Slot.B, None)))
    assert verdict.faults == ("the root of system B is damaged",)


def test_what_waits_has_to_be_whole(bench: Bench) -> None:
    bench.card.install(Slot.B, 2, ["root"])
    bench.remember(WAITING)
    assert bench.verdict().faults == ("what waits is not whole: the kernel of system B is that of no release",)
    assert bench.verdict(lambda: bench.card.install(Slot.B, 2)).faults == ()


def test_a_trial_of_which_root_knows_nothing_is_found(bench: Bench) -> None:
    bench.card.install(Slot.B, 2)
    bench.remember(WAITING)
    verdict = bench.verdict(lambda: bench.card.mark(Marks(Slot.A, Slot.B)))
    assert verdict.faults == ("a trial is due of which root knows nothing",)


def test_what_root_remembers_cut_short_is_found(bench: Bench) -> None:
    bench.remember(WAITING)
    path = bench.data / STATE / "update.json"
    path.write_bytes(path.read_bytes()[:100])
    verdict = bench.verdict(lambda: bench.card.keep(bench.data))
    assert verdict.faults == (
        "/var/lib/wecall-apply/update.json is not whole",
        "what root remembers of updates cannot be read",
    )


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("etc/wecall/config.toml", b"version = ", "/etc/wecall/config.toml is not whole"),
        ("etc/machine-id", b"", "/etc/machine-id is not whole"),
        (f"{STORE}/store.db", b"x" * 8192, "the store is damaged: "),
        (f"{STORE}/store.db", b"", "the store is damaged: "),
    ],
)
def test_a_torn_file_is_found(bench: Bench, name: str, content: bytes, fault: str) -> None:
    (bench.data / name).write_bytes(content)
    [found] = bench.verdict(lambda: bench.card.keep(bench.data)).faults
    assert found.startswith(fault)


def test_files_that_are_not_there_are_found(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    first, second = bench.verdict(lambda: bench.card.keep(tmp_path / "empty")).faults
    assert first == "/etc/machine-id is not whole"
    assert second.startswith("the store is damaged: There is no store")


def test_a_broken_file_system_is_found(bench: Bench) -> None:
    [found] = bench.verdict(lambda: bench.card.put(7, b"x" * len(bench.card.part(7)))).faults
    assert found.startswith("the data's file system is damaged: ")


def test_a_torn_superblock_is_odd_and_costs_nothing(bench: Bench) -> None:
    verdict = bench.verdict(lambda: bench.card.put(7, bytes(512), 1024 + 512))
    assert (verdict.memory, verdict.faults) == (Memory(), ())
    assert verdict.oddities == ("the data's file system needs more than its journal",)


def test_a_broken_table_is_found(bench: Bench) -> None:
    # The first of the tables that name roots and data, one after the other.
    faults = bench.verdict(lambda: bench.card.put(4, bytes(512))).faults
    assert "its table of partitions is not what it was" in faults


def test_what_the_bootloader_reads_may_be_torn(bench: Bench) -> None:
    at = bench.card.part(1).index(b"trial=-") + 6
    verdict = bench.verdict(lambda: bench.card.put(1, b"?", at))
    assert (verdict.started, verdict.marks, verdict.faults) == (Started(Slot.A, as_trial=False), False, ())
