"""Who talks to whom, over which line, and what came of it: cells of the table of how phones sound."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any, Final

import numpy as np

from tests.lab.loss_emulator import Line

OURS: Final = "ours"
BARESIP: Final = "baresip"
LINPHONE: Final = "linphone"
CHROMIUM: Final = "chromium"
"""A page of a browser with WebRTC, whose jitter buffer is the bar. It speaks Opus alone."""
SPEAKER: Final = "speaker"
"""No phone: perfect packets at perfect times, so that a listener is judged alone. It speaks no Opus."""
OWN: Final = "own"
"""The codec that two phones choose by themselves."""

PAIRS: Final[tuple[tuple[str, str], ...]] = (
    (OURS, OURS),
    (OURS, BARESIP),
    (BARESIP, OURS),
    (OURS, LINPHONE),
    (LINPHONE, OURS),
    (BARESIP, BARESIP),
    (LINPHONE, LINPHONE),
    (SPEAKER, OURS),
    (SPEAKER, BARESIP),
    (SPEAKER, LINPHONE),
    (CHROMIUM, CHROMIUM),
    (OURS, CHROMIUM),
    (CHROMIUM, OURS),
)
WORST: Final = 1.0
"""Of a judge's scale; silence is no better."""
TOGETHER: Final = 4
"""How many pairs call at once: so many leave two cores half idle."""

_SINGLE, _BURSTS = 1.0, 3.0
_CLEAN: Final = Line()

# Lines of three kinds, as people have them. docs/adr/0105 says where the figures come from.
REAL_LINES: Final[Mapping[str, Line]] = {
    "Wi-Fi": Line(loss_percent=3, burst=3, delay_ms=5, jitter_ms=30),
    "LTE": Line(loss_percent=1, delay_ms=50, jitter_ms=46),
    "busy DSL": Line(loss_percent=1, burst=2, delay_ms=15, jitter_ms=70),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of call: who talks, who listens, in which codec, over which line (its seed aside)."""

    talker: str
    listener: str
    codec: str
    line: Line

    @property
    def words(self) -> str:
        """What it is called, in the file too."""
        return f"{self.talker} > {self.listener}, {self.codec}, {line_words(self.line)}"


def line_words(line: Line) -> str:
    """Say what a line is like."""
    for name, real in REAL_LINES.items():
        if real == line:
            return name
    bursts = f" in bursts of {line.burst:g}" if line.burst > 1 else ""
    return f"{line.loss_percent:g} %{bursts}, {line.jitter_ms:g} ms"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the judges say of one voice in one call; the worst where nothing like speech was heard.

    Attributes:
        pesq: PESQ-WB (ITU-T P.862.2), also of narrowband codecs: one scale for all.
        plcmos: None where that judge is not installed.
        delays_ms: mouth to ear, of each stretch of the speech.
    """

    pesq: float = WORST
    plcmos: float | None = WORST
    delays_ms: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """What one call of a cell has shown.

    Attributes:
        opinions: one for each voice.
        cpu_percent: of one core, while there was speech: the mean of its phones.
    """

    opinions: tuple[Opinion, ...]
    cpu_percent: float


@dataclass(slots=True)
class Result:
    """A cell's calls so far, in the order of their seeds.

    Attributes:
        files: what stands for all files of the checkout with which they were made.
    """

    cell: Cell
    files: str
    calls: list[Call] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """Return its figures as plain values: the means of the calls, each with the half of its 95 % interval."""
        told: dict[str, Any] = {"calls": len(self.calls)}
        for judge in ("pesq", "plcmos"):
            scores = [[getattr(opinion, judge) for opinion in call.opinions] for call in self.calls]
            if scores and not any(score is None for call in scores for score in call):
                means = [statistics.mean(call) for call in scores]
                told[judge], told[f"{judge}_within"] = statistics.mean(means), half_interval(means)
        delays_ms = [delay for call in self.calls for opinion in call.opinions for delay in opinion.delays_ms]
        if delays_ms:
            told["delay_median_ms"] = float(np.median(delays_ms))
            told["delay_p95_ms"] = float(np.percentile(delays_ms, 95))
        if self.calls:
            told["cpu_percent"] = statistics.mean(call.cpu_percent for call in self.calls)
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in told.items()}

    def kept(self) -> dict[str, Any]:
        """Return all of it as plain values, its figures too."""
        return {"words": self.cell.words, "figures": self.row(), **asdict(self)}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Result":
        """Return what `kept` made plain."""
        cell = Cell(**{**kept["cell"], "line": Line(**kept["cell"]["line"])})
        return cls(cell, kept["files"], [_call_of(call) for call in kept["calls"]])


def _call_of(kept: Mapping[str, Any]) -> Call:
    opinions = (Opinion(**{**each, "delays_ms": tuple(each["delays_ms"])}) for each in kept["opinions"])
    return Call(tuple(opinions), kept["cpu_percent"])


def half_interval(values: Sequence[float]) -> float | None:
    """Return how far the true mean is from theirs at most, in 95 of 100 such measurements; None for fewer than five.

    Student's t for independent calls, by its expansion in 1/n (Abramowitz and Stegun 26.7.5).
    """
    if len(values) < 5:
        return None
    z, freedom = statistics.NormalDist().inv_cdf(0.975), len(values) - 1
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    t += (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    return t * statistics.stdev(values) / math.sqrt(len(values))


def _cells(codec: str, line: Line, *pairs: tuple[str, str]) -> list[Cell]:
    return [Cell(talker, listener, codec, line) for talker, listener in pairs]


_ALIKE: Final = ((OURS, OURS), (BARESIP, BARESIP), (LINPHONE, LINPHONE), (CHROMIUM, CHROMIUM))

CHOSEN: Final[tuple[Cell, ...]] = (
    *_cells("opus", Line(loss_percent=10, jitter_ms=30), *_ALIKE),
    *_cells("opus", Line(loss_percent=10, burst=_BURSTS, jitter_ms=30), *_ALIKE[:3]),
    *_cells("opus", Line(loss_percent=5, jitter_ms=30), *PAIRS[:7]),
    *_cells("opus", _CLEAN, _ALIKE[0]),
    *_cells("g722", _CLEAN, *_ALIKE[:2]),
    *_cells("g722", Line(jitter_ms=60), *_ALIKE[:2]),
    *_cells("opus", Line(jitter_ms=60), *_ALIKE),
    *_cells(OWN, Line(loss_percent=10, burst=_BURSTS, jitter_ms=30), _ALIKE[0]),
)
"""What the goals speak of, and what they compare it with."""


def grid() -> Iterator[Cell]:
    """Give every cell: each pair and codec on each line of figures, and on each real one."""
    lines = [
        Line(loss_percent=loss, burst=burst, jitter_ms=jitter)
        for loss, burst, jitter in product((0, 1, 3, 5, 10, 20), (_SINGLE, _BURSTS), (0, 30, 60))
        if loss or burst == _SINGLE
    ]
    for line, codec in product([*lines, *REAL_LINES.values()], ("g722", "pcma", "opus")):
        mute = SPEAKER if codec == "opus" else CHROMIUM
        yield from _cells(codec, line, *(pair for pair in PAIRS if mute not in pair))


def batches(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Share cells out into those that are measured at once: of one line, codec and kind of talker, so many at most."""
    alike: dict[tuple[str, Line, bool], list[Cell]] = {}
    for cell in cells:
        alike.setdefault((cell.codec, cell.line, cell.talker == SPEAKER), []).append(cell)
    return [group[first : first + TOGETHER] for group in alike.values() for first in range(0, len(group), TOGETHER)]
