"""How phones sound on lines that lose and delay: PESQ and delay, side by side, every phone fed the same packets.

    python -m tests.bench.quality                     # the whole table, some 15 minutes
    python -m tests.bench.quality --runs 2 --loss 0 --loss 5 --jitter 0 --jitter 30 --codec pcmu

One speaker says the same to three phones at once, over a line that loses the same packets on the way to each.
"""

import json
import math
import os
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from tests.bench.phones import Baresip, Linphone, Ours, Phone, Seat
from tests.bench.speaker import Codec, Speaker
from tests.bench.speech import RATE_HZ, Heard, judge, speech
from tests.lab.audio import Recorder, Sound
from tests.lab.loss_emulator import Line, LossyCable
from tests.lab.network import Namespace
from tests.lab.pulse import PulseAudio

LOSSES_PERCENT: Final = (0.0, 1.0, 5.0, 10.0)
JITTERS_MS: Final = (0.0, 30.0, 60.0)
RUNS: Final = 5
OURS: Final = "ours"
KINDS: Final[Mapping[str, Callable[[Seat], Phone]]] = {
    OURS: Ours,
    "baresip": lambda seat: Baresip(seat, tuned=False),
    "linphone": Linphone,
}

_WORST_PESQ: Final = 1.0  # of speech; silence is no better
_BUILD: Final = Path(__file__).parents[2] / "build"
_HOME, _OPERATOR = "10.9.0.1", "10.9.0.2"
# What a phone hears before the speech begins: enough for its sound devices to run, and for an adaptive buffer to learn.
_LEAD_S: Final = 2.0
_TAIL_S: Final = 1.2
_BETWEEN_S: Final = 0.7

console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of line."""

    loss_percent: float
    jitter_ms: float

    def __str__(self) -> str:
        return f"{self.loss_percent:g} % / {self.jitter_ms:g} ms"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one phone made of one line, call by call.

    Attributes:
        pesq: the mean opinion scores; the lowest of the scale where nothing was heard.
        delay_ms: of the calls in which speech was heard.
    """

    pesq: tuple[float, ...]
    delay_ms: tuple[float, ...]

    @property
    def mean_pesq(self) -> float:
        return statistics.mean(self.pesq)

    @property
    def median_delay_ms(self) -> float:
        """Infinite where speech was never heard."""
        return statistics.median(self.delay_ms) if self.delay_ms else math.inf


@dataclass(frozen=True, slots=True)
class QualityReport:
    """The whole table.

    Attributes:
        codec: that was spoken.
        cells: for every line, what every phone made of it.
    """

    codec: Codec
    cells: Mapping[Cell, Mapping[str, Figures]]

    @property
    def phones(self) -> list[str]:
        return list(next(iter(self.cells.values())))

    def mean_pesq(self, phone: str) -> float:
        """Return a phone's mean over the lines."""
        return statistics.mean(figures[phone].mean_pesq for figures in self.cells.values())

    def median_delay_ms(self, phone: str) -> float:
        """Return a phone's median over the lines."""
        return statistics.median(figures[phone].median_delay_ms for figures in self.cells.values())

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each line and a last one for all of them, as plain values."""
        rows = [
            {
                "codec": self.codec.name,
                "loss_percent": cell.loss_percent,
                "jitter_ms": cell.jitter_ms,
                "phones": {
                    phone: {
                        "pesq": round(one.mean_pesq, 2),
                        "delay_ms": _finite(one.median_delay_ms),
                        "runs": [round(score, 2) for score in one.pesq],
                    }
                    for phone, one in figures.items()
                },
                **self._against_peers({phone: one.mean_pesq for phone, one in figures.items()}),
            }
            for cell, figures in self.cells.items()
        ]
        means = {phone: self.mean_pesq(phone) for phone in self.phones}
        overall = {
            "codec": self.codec.name,
            "loss_percent": None,
            "jitter_ms": None,
            "phones": {
                phone: {"pesq": round(mean, 2), "delay_ms": _finite(self.median_delay_ms(phone))}
                for phone, mean in means.items()
            },
            **self._against_peers(means),
        }
        return [*rows, overall]

    def table(self) -> Table:
        """Return the rows for a terminal."""
        table = Table(title=f"{self.codec.name}: PESQ / delay in ms, and how far ours is from the better peer")
        for name in ("loss / jitter", *self.phones, "ours - better"):
            table.add_column(name, justify="right")
        for row in self._words():
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Return the rows for a document."""
        head = ["loss / jitter", *self.phones, "ours - better"]
        lines = [head, ["---"] * len(head), *self._words()]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _words(self) -> list[list[str]]:
        return [
            [
                "all"
                if row["loss_percent"] is None
                else str(Cell(loss_percent=row["loss_percent"], jitter_ms=row["jitter_ms"])),
                *(f"{one['pesq']:.2f} / {one['delay_ms']}" for one in row["phones"].values()),
                "-" if row["ahead"] is None else f"{row['ahead']:+.2f}",
            ]
            for row in self.rows()
        ]

    @staticmethod
    def _against_peers(pesq: Mapping[str, float]) -> dict[str, float | None]:
        peers = [score for phone, score in pesq.items() if phone != OURS]
        return {"ahead": round(pesq[OURS] - max(peers), 2) if OURS in pesq and peers else None}


@dataclass
class QualityRig:
    """Phones in one namespace, a speaker in another, and the line between them."""

    folder: Path
    codec: Codec
    kinds: Mapping[str, Callable[[Seat], Phone]] = field(default_factory=lambda: KINDS)

    def __enter__(self) -> Self:
        """Start everything and wait until every phone is registered."""
        with ExitStack() as stack:
            home, operator = stack.enter_context(Namespace()), stack.enter_context(Namespace())
            self._cable = stack.enter_context(LossyCable(home, operator, [f"{_HOME}/24"], [f"{_OPERATOR}/24"]))
            # linphone believes that there is no network where there is no way out.
            home.ip("route", "add", "default", "via", _OPERATOR)
            sinks = [f"{kind}{number}" for kind in ("ear", "mic") for number in range(len(self.kinds))]
            pulse = PulseAudio(self.folder / "pulse", sinks=(*sinks, "bell"))
            stack.callback(pulse.stop)
            pulse.start()
            os.environ.update(pulse.environment)
            self._speaker = stack.enter_context(Speaker(operator, _OPERATOR, self.codec))
            self._phones: dict[str, Phone] = {}
            for number, (kind, make) in enumerate(self.kinds.items()):
                # Threads and processes that start in here stay in the namespace.
                with home.entered():
                    phone = make(self._seat(number, pulse.environment))
                    stack.callback(phone.stop)
                    phone.launch()
                    phone.connect()
                self._phones[kind] = phone
                self._speaker.wait_for_registration(str(300 + number))
            self._silence = Sound(np.zeros(round(_LEAD_S * RATE_HZ)), RATE_HZ)
            self._speech = speech()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def measure(self, line: Line) -> dict[str, Heard | None]:
        """Let every phone hear the speech over such a line.

        Returns:
            What each heard; None where it heard no speech.
        """
        self._cable.change(Line())
        for number in range(len(self._phones)):
            self._speaker.ring(str(300 + number))
        for phone in self._phones.values():
            phone.answer()
        self._speaker.wait_for_answers()
        self._cable.change(line)
        recorders = {kind: Recorder(f"ear{number}_monitor").start() for number, kind in enumerate(self._phones)}
        tail = np.zeros(round(_TAIL_S * RATE_HZ))
        said = np.concatenate([self._silence.samples, self._speech.samples, tail])
        began_at = self._speaker.say(Sound(said, RATE_HZ)) + _LEAD_S
        recorded = {kind: recorder.stop() for kind, recorder in recorders.items()}
        self._speaker.hang_up()
        for phone in self._phones.values():
            phone.hang_up()
        sent = Sound(self._speech.samples, RATE_HZ, began_at)
        heard = {kind: self._judge(sent, sound) for kind, sound in recorded.items()}
        time.sleep(_BETWEEN_S)
        return heard

    def _judge(self, sent: Sound, recorded: Sound) -> Heard | None:
        try:
            return judge(sent, recorded, wideband=self.codec.is_wideband)
        except ValueError:
            return None

    def _seat(self, number: int, environment: Mapping[str, str]) -> Seat:
        user = str(300 + number)
        return Seat(
            folder=self.folder / user, user=user, password=f"secret-{user}", port=self._speaker.port,
            ear=f"ear{number}", mouth=f"mic{number}", environment=environment, broker={}, answers_itself=True,
            server=_OPERATOR, wideband=self.codec.is_wideband,
        )  # fmt: skip


def measure_quality(
    folder: Path,
    codec: Codec = Codec.G722,
    *,
    runs: int = RUNS,
    losses_percent: Sequence[float] = LOSSES_PERCENT,
    jitters_ms: Sequence[float] = JITTERS_MS,
) -> QualityReport:
    """Measure every phone on every line, line by line, with `runs` calls on each.

    Args:
        folder: for the phones' files; emptied first.
        codec: that the speaker offers, and no other.
        runs: calls for each line; each loses other packets.
        losses_percent, jitters_ms: the lines are all their pairs.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    cells: dict[Cell, dict[str, Figures]] = {}
    with QualityRig(folder, codec) as rig:
        for cell in [Cell(loss, jitter) for loss in losses_percent for jitter in jitters_ms]:
            heard: dict[str, list[Heard | None]] = {kind: [] for kind in KINDS}
            for run in range(runs):
                line = Line(loss_percent=cell.loss_percent, jitter_ms=cell.jitter_ms, seed=run + 1)
                for kind, one in rig.measure(line).items():
                    heard[kind].append(one)
            cells[cell] = {kind: _figures(all_heard) for kind, all_heard in heard.items()}
            words = ", ".join(f"{kind} {one.mean_pesq:.2f}" for kind, one in cells[cell].items())
            console.print(f"[dim]bench:[/] {codec.name} at {cell}: {words}")
    return QualityReport(codec, cells)


def _figures(heard: Sequence[Heard | None]) -> Figures:
    return Figures(
        tuple(_WORST_PESQ if one is None else one.pesq for one in heard),
        tuple(one.delay_ms for one in heard if one is not None),
    )


def _finite(delay_ms: float) -> int | None:
    return round(delay_ms) if math.isfinite(delay_ms) else None


@click.command()
@click.option("--runs", default=RUNS, show_default=True, help="Calls for each line.")
@click.option("--loss", "losses", multiple=True, type=float, default=LOSSES_PERCENT, help="Per cent; may be repeated.")
@click.option("--jitter", "jitters", multiple=True, type=float, default=JITTERS_MS, help="ms; may be repeated.")
@click.option("--codec", "codecs", multiple=True, type=click.Choice(["g722", "pcmu"]), default=["g722"])
def main(runs: int, losses: Sequence[float], jitters: Sequence[float], codecs: Sequence[str]) -> None:
    """Measure, print the tables and write build/bench-quality.json."""
    rows = []
    for codec in codecs:
        report = measure_quality(
            _BUILD / "bench-quality", Codec[codec.upper()], runs=runs, losses_percent=losses, jitters_ms=jitters
        )
        rows += report.rows()
        Console(width=120).print(report.table())
    _BUILD.joinpath("bench-quality.json").write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
