"""Every pair of phones is heard on every kind of line: the whole grid in the soak, one call in a landing."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.bench.cells import CHOSEN, OURS, Cell, batches, grid
from tests.bench.quality import CALLS, measure
from tests.lab import chance
from tests.lab.loss_emulator import Line

_FILE: Final = Path(__file__).parents[2] / "build" / "quality-grid.json"
_CLEAN: Final = [cell for cell in CHOSEN if cell.talker == cell.listener == OURS and cell.line == Line()]
_BATCHES: Final = batches([*grid()]) if chance.SOAK else batches(_CLEAN)[:1]


def _words(batch: list[Cell]) -> str:
    return " and ".join(cell.words for cell in batch)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("batch", _BATCHES, ids=_words)
def test_each_pair_of_phones_is_heard_on_each_line(batch: list[Cell], tmp_path: Path) -> None:
    file = _FILE if chance.SOAK else tmp_path / "grid.json"
    calls = chance.counted(CALLS, 1)
    for result in measure(batch, tmp_path / "phones", file, calls):
        assert len(result.calls) >= calls
        assert all(len(call.opinions) == 2 for call in result.calls)
        # On a clean line every call is heard; how well it sounds is for people to judge.
        if result.cell.line == Line():
            assert all(opinion.delays_ms for call in result.calls for opinion in call.opinions)
    assert {row["words"] for row in json.loads(file.read_text())} >= {cell.words for cell in batch}
