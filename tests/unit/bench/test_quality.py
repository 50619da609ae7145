"""The arithmetic of the table of how phones sound, and that a measurement that was stopped goes on."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import numpy as np
import pytest

from tests.bench import quality
from tests.bench.cells import (
    CHOSEN,
    CHROMIUM,
    OURS,
    PAIRS,
    REAL_LINES,
    SPEAKER,
    TOGETHER,
    Call,
    Cell,
    Opinion,
    Result,
    batches,
    grid,
    half_interval,
)
from tests.bench.offline import offline
from tests.bench.speech import RATE_HZ, Voice, judge, located, room, speech
from tests.lab.audio import Sound
from tests.lab.loss_emulator import Fate, Line

_OPUS = [cell for cell in CHOSEN if cell.codec == "opus"]


class _Rig:
    """In the place of phones: each call's opinion has the seed of its line, and the rig breaks when it is told to."""

    seeds: ClassVar[list[int]] = []
    breaks_at: ClassVar[int] = 0
    failures: ClassVar[list[int]] = []

    def __init__(self, _folder: Path, cells: Sequence[Cell]) -> None:
        self._cells = cells

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        return None

    def measure(self, line: Line) -> list[Call]:
        if line.seed == _Rig.breaks_at:
            raise KeyboardInterrupt
        if line.seed in _Rig.failures:
            _Rig.failures.remove(line.seed)
            raise RuntimeError("It has not come about.")
        _Rig.seeds.append(line.seed)
        return [Call((Opinion(1 + line.seed / 10, None, (50.0, 70.0)),) * 2, line.seed) for _ in self._cells]


@pytest.fixture(autouse=True)
def rig(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "Rig", _Rig)
    _Rig.seeds.clear()
    _Rig.failures.clear()
    _Rig.breaks_at = 0


def test_the_interval_is_students() -> None:
    # Of 20 values with a deviation of 1: t(0.975, 19) = 2.0930, divided by the root of 20.
    values = [(-1) ** number * (19 / 20) ** 0.5 for number in range(20)]
    assert half_interval(values) == pytest.approx(2.0930 / 20**0.5, abs=1e-4)
    assert half_interval([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(2.776 * 2.5**0.5 / 5**0.5, abs=0.01)


def test_too_few_calls_have_no_interval() -> None:
    assert half_interval([1.0, 2.0, 3.0, 4.0]) is None


def test_the_interval_holds_the_true_mean_nineteen_times_in_twenty() -> None:
    chance, held = random.Random(1), 0
    for _ in range(2000):
        values = [chance.gauss(3, 0.3) for _ in range(20)]
        within = half_interval(values)
        assert within is not None
        held += abs(sum(values) / 20 - 3) <= within
    assert 0.935 < held / 2000 < 0.965


def test_a_calls_figure_is_the_mean_of_its_voices_and_a_cells_that_of_its_calls() -> None:
    calls = [
        Call((Opinion(2.0, 3.0, (40.0,)), Opinion(3.0, 4.0, (60.0,))), 2.0),
        Call((Opinion(4.0, 2.0, (80.0,)), Opinion()), 3.0),
    ]
    row = Result(CHOSEN[0], "", calls).row()
    assert row["calls"] == 2
    assert row["pesq"] == 2.5
    assert row["plcmos"] == 2.5
    assert row["delay_median_ms"] == 60
    assert row["delay_p95_ms"] == 78
    assert row["cpu_percent"] == 2.5


def test_calls_in_which_nothing_is_heard_have_no_delay() -> None:
    row = Result(CHOSEN[0], "", [Call((Opinion(), Opinion()), 1.0)]).row()
    assert row["pesq"] == 1
    assert "delay_median_ms" not in row


@pytest.mark.parametrize("line", [Line(10), Line(10, burst=3), *REAL_LINES.values()])
def test_the_same_seed_is_the_same_fate_and_another_one_is_another(line: Line) -> None:
    def fate(seed: int) -> list[float | None]:
        drawn = Fate(replace(line, seed=seed))
        return [drawn.draw() for _ in range(2000)]

    assert fate(7) == fate(7)
    assert fate(7) != fate(8)


@pytest.mark.parametrize(("loss", "burst"), [(5, 1.0), (10, 3.0), (20, 3.0), (3, 3.0)])
def test_losses_are_as_many_and_as_long_as_a_line_says(loss: float, burst: float) -> None:
    drawn = Fate(Line(loss, burst=burst))
    lost = [drawn.draw() is None for _ in range(100_000)]
    runs = [len(list(run)) for is_lost, run in groupby(lost) if is_lost]
    assert sum(lost) / len(lost) == pytest.approx(loss / 100, rel=0.08)
    # Of single losses some follow each other by chance.
    assert sum(runs) / len(runs) == pytest.approx(burst if burst > 1 else 1 / (1 - loss / 100), rel=0.05)


def test_the_chosen_cells_are_24_and_end_in_90_minutes() -> None:
    assert len(CHOSEN) == len({cell.words for cell in CHOSEN}) == 24
    # A call takes 21 s, dialling, hanging up and judging 5 more; a rig is up in 20.
    assert len(batches(CHOSEN)) * (quality.CALLS * 26 + 20) <= 90 * 60


def test_the_grid_has_every_pair_codec_and_line_once() -> None:
    cells = list(grid())
    assert len(cells) == len({cell.words for cell in cells})
    lines = {cell.line for cell in cells}
    assert {line.loss_percent for line in lines} == {0, 1, 3, 5, 10, 20}
    assert {line.jitter_ms for line in lines if line not in REAL_LINES.values()} == {0, 30, 60}
    assert len(lines) == 33 + len(REAL_LINES)
    assert {(cell.talker, cell.listener) for cell in cells} == set(PAIRS)
    assert not [cell for cell in cells if cell.talker == SPEAKER and cell.codec == "opus"]
    assert {cell.codec for cell in cells if CHROMIUM in {cell.talker, cell.listener}} == {"opus"}


def test_a_batch_is_of_one_line_and_codec_and_the_speaker_has_its_own() -> None:
    shared = batches([*grid()])
    assert sorted(cell.words for batch in shared for cell in batch) == sorted(cell.words for cell in grid())
    for batch in shared:
        assert len(batch) <= TOGETHER
        assert len({(cell.codec, cell.line, cell.talker == SPEAKER) for cell in batch}) == 1


def test_each_call_of_a_cell_has_a_seed_of_its_own_from_one_on(tmp_path: Path) -> None:
    quality.measure(_OPUS[:2], tmp_path, tmp_path / "told.json", calls=3)
    assert _Rig.seeds == [1, 2, 3]


def test_what_was_stopped_goes_on_with_the_next_call(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    _Rig.breaks_at = 3
    with pytest.raises(KeyboardInterrupt):
        quality.measure(_OPUS[:2], tmp_path, file, calls=4)
    _Rig.breaks_at = 0
    results = quality.measure(_OPUS[:2], tmp_path, file, calls=4)
    assert _Rig.seeds == [1, 2, 3, 4]
    assert [len(result.calls) for result in results] == [4, 4]
    assert [result.row()["pesq"] for result in results] == [1.25, 1.25]


def test_a_call_that_has_not_come_about_is_made_again_and_counts_once(tmp_path: Path) -> None:
    _Rig.failures[:] = [1, 1, 3, 3, 4]
    (result,) = quality.measure(_OPUS[:1], tmp_path, tmp_path / "told.json", calls=5)
    assert _Rig.seeds == [1, 2, 3, 4, 5]
    assert len(result.calls) == 5


def test_a_call_that_never_comes_about_is_told(tmp_path: Path) -> None:
    _Rig.failures[:] = [2, 2, 2]
    with pytest.raises(RuntimeError, match="not come about"):
        quality.measure(_OPUS[:1], tmp_path, tmp_path / "told.json", calls=3)
    assert _Rig.seeds == [1]


def test_a_cell_that_is_there_is_not_measured_again_and_others_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    quality.measure(_OPUS[:1], tmp_path, file, calls=2)
    quality.measure(_OPUS[:2], tmp_path, file, calls=2)
    assert _Rig.seeds == [1, 2, 1, 2]
    quality.measure(_OPUS[:2], tmp_path, file, calls=2)
    assert _Rig.seeds == [1, 2, 1, 2]
    assert set(quality.load(file)) == {cell.words for cell in _OPUS[:2]}


def test_what_other_files_made_is_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "told.json"
    quality.measure(_OPUS[:1], tmp_path, file, calls=2)
    monkeypatch.setattr("tests.soak.files", lambda: "others")
    (result,) = quality.measure(_OPUS[:1], tmp_path, file, calls=1)
    assert _Rig.seeds == [1, 2, 1]
    assert len(result.calls) == 1


def test_the_file_has_the_figures_too(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    quality.measure(_OPUS[:1], tmp_path, file, calls=5)
    (row,) = json.loads(file.read_text())
    assert row["figures"]["pesq"] == 1.3
    assert row["figures"]["pesq_within"] > 0
    assert row["figures"]["delay_median_ms"] == 60
    assert row["figures"]["cpu_percent"] == 3


def test_a_table_says_what_a_cell_lacks() -> None:
    cell = CHOSEN[0]
    told = [{"words": cell.words, **Result(cell, "", [Call((Opinion(2.0, None),), 1.25)]).row()}]
    assert quality.markdown(told).splitlines()[-1] == f"| {cell.words} | 1 | 2.00 | - | - | - | 1.2 |"


@pytest.mark.parametrize("voice", Voice)
def test_a_sound_path_that_adds_nothing_costs_nothing(voice: Voice) -> None:
    said = speech(voice)
    around = room(RATE_HZ).samples
    heard = Sound(np.concatenate([around, said.samples, around]), RATE_HZ, 5.0)
    found = judge(Sound(said.samples, RATE_HZ, 5.9), heard, wideband=True)
    assert found.pesq > 4.6
    assert found.delay_ms == pytest.approx(100, abs=0.1)
    assert located(said, heard).began_at == pytest.approx(6.0, abs=1e-4)


def test_the_speech_bears_every_codec_so_that_phones_and_lines_decide() -> None:
    def opinion(sent: Sound, heard: Sound) -> Opinion:
        return Opinion(judge(sent, heard, wideband=True).pesq, None)

    told = offline(opinion, ("g722", "opus", "pcma"))
    assert told["g722"]["pesq"] > 4.3
    assert told["opus"]["pesq"] > 4.3
    # PESQ-WB hears that half of the band is missing.
    assert 2.5 < told["pcma"]["pesq"] < 4


def test_ours_is_compared_with_each_peer_calling_itself() -> None:
    for cell in CHOSEN:
        if OURS in {cell.talker, cell.listener} and cell.talker != cell.listener:
            peer = cell.talker if cell.listener == OURS else cell.listener
            assert replace(cell, talker=peer, listener=peer) in CHOSEN
