"""Whether calls drop at one handset, at one place, or at many handsets at once. Pure; the rule is that of ADR 0134."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple

from fleet.api.models import CauseKind, DropKind

WINDOW_MIN: Final = 10
"""In so many minutes handsets are compared that lose calls at the same time."""

MAX_CHANCE: Final = 0.001
"""What chance alone shows more often in a whole fleet is no cause."""

TIMES_USUAL: Final = 3
"""So many times the share of the others has to drop: what is sure and small is nobody's trouble."""

MIN_DROPPED: Final = 5
MIN_HANDSETS: Final = 4
"""From so many on they are many at once."""

MAX_CAUSES: Final = 10
_OF_ONE_PLACE: Final = 0.75
_BETWEEN: Final = 3
"""So many windows in which nothing stands out do not part one outage into two."""


class Drop(NamedTuple):
    """A call that dropped: whose it was, how it did, and the minute of its start, counted from the epoch."""

    device: str
    minute: int
    kind: DropKind


@dataclass(frozen=True, slots=True)
class FleetCalls:
    """Calls of one fleet in a period.

    Attributes:
        drops: those that dropped.
        by_device: how many each handset had.
        by_minute: how many began in each minute, counted from the epoch.
        places: by handset its place; those that nobody named have none.
    """

    drops: Sequence[Drop]
    by_device: Mapping[str, int]
    by_minute: Mapping[int, int]
    places: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Cause:
    """Drops that belong together; see fleet.api.models.DropCause.

    Attributes:
        name: the handset or the place; empty for many at once.
        log_chance: the natural logarithm of how often at most chance alone shows such a cause in a fleet that has none.
        explains: the drops.
    """

    kind: CauseKind
    name: str
    calls: int
    usual: float
    log_chance: float
    explains: Sequence[Drop] = field(repr=False)

    @cached_property
    def by_device(self) -> Counter[str]:
        """How many drops of each handset it explains."""
        return Counter(drop.device for drop in self.explains)

    @property
    def drop(self) -> DropKind:
        """How most of them dropped."""
        return Counter(drop.kind for drop in self.explains).most_common(1)[0][0]

    @property
    def excess(self) -> float:
        """How many calls more dropped than usual."""
        return len(self.explains) - self.usual * self.calls


def log_tail(hits: int, trials: int, share: float) -> float:
    """Return the natural logarithm of the chance of so many hits or more: the upper tail of a binomial distribution.

    Args:
        hits: at most `trials`.
        trials: how often something may hit.
        share: how often each does, above 0 and below 1.
    """
    if hits <= trials * share:
        return 0.0
    first = math.lgamma(trials + 1) - math.lgamma(hits + 1) - math.lgamma(trials - hits + 1)
    first += hits * math.log(share) + (trials - hits) * math.log1p(-share)
    term = total = 1.0
    for hit in range(hits, trials):
        # Above the mean each term is smaller than the one before.
        term *= (trials - hit) / (hit + 1) * share / (1 - share)
        total += term
        if term < total * 1e-12:
            break
    return min(0.0, first + math.log(total))


def find_causes(fleet: FleetCalls) -> list[Cause]:
    """Find causes, the one with the most calls first.

    The least probable one is taken first, with all that it explains; what is left is looked at again. So neither a
    broken place nor a broken server makes each handset look broken, nor a broken handset its place.
    """
    rest = _Rest(fleet)
    causes: list[Cause] = []
    while (
        len(causes) < MAX_CAUSES
        and (found := min(rest.candidates(), key=attrgetter("log_chance"), default=None)) is not None
    ):
        causes.append(found)
        rest.take_out(found)
    return sorted(causes, key=lambda cause: cause.excess, reverse=True)


class _Rest:
    """What is not explained yet."""

    def __init__(self, fleet: FleetCalls) -> None:
        self._drops = list(fleet.drops)
        self._calls = dict(fleet.by_device)
        self._all_calls = 0
        self._places = fleet.places
        self._windows: Counter[int] = Counter()
        for minute, calls in fleet.by_minute.items():
            self._windows[minute // WINDOW_MIN] += calls

    def candidates(self) -> Iterator[Cause]:
        self._all_calls = sum(self._calls.values())
        yield from self._handsets()
        yield from self._at_places()
        yield from self._at_once()

    def take_out(self, cause: Cause) -> None:
        """Leave what a cause explains out of all further comparisons."""
        explained = set(cause.explains)
        self._drops = [drop for drop in self._drops if drop not in explained]
        if cause.kind is not CauseKind.MANY:
            # Of whoever has no drop left, calls would only make the others look worse.
            lossy = {drop.device for drop in self._drops}
            for device in cause.by_device.keys() - lossy:
                self._calls.pop(device, None)

    def _handsets(self) -> Iterator[Cause]:
        drops = self._drops_by(lambda drop: drop.device)
        for device, own in drops.items():
            yield from self._judged(CauseKind.HANDSET, device, own, self._calls.get(device, 0), len(self._calls))

    def _at_places(self) -> Iterator[Cause]:
        devices: defaultdict[str, list[str]] = defaultdict(list)
        for device in self._calls:
            if place := self._places.get(device):
                devices[place].append(device)
        by_place = self._drops_by(lambda drop: self._places.get(drop.device, ""))
        for place, there in devices.items():
            calls = sum(self._calls[device] for device in there)
            for cause in self._judged(CauseKind.PLACE, place, by_place.get(place, ()), calls, len(devices)):
                # Where it is the place most of its handsets have it; else it is these handsets.
                own, most = cause.by_device, TIMES_USUAL * cause.usual
                worse = sum(own[device] >= most * self._calls[device] for device in there)
                if worse > max(1, len(there) / 2):
                    yield cause

    def _judged(self, kind: CauseKind, name: str, drops: Sequence[Drop], calls: int, compared: int) -> Iterator[Cause]:
        usual = _usual(len(self._drops) - len(drops), self._all_calls - calls)
        if len(drops) < MIN_DROPPED or len(drops) < TIMES_USUAL * usual * calls:
            return
        log_chance = log_tail(len(drops), max(calls, len(drops)), usual) + math.log(compared)
        if log_chance < math.log(MAX_CHANCE):
            yield Cause(kind, name, calls, usual, log_chance, drops)

    def _at_once(self) -> Iterator[Cause]:
        """The stretch of time in which unusually many handsets lost calls; each counts once a window."""
        handsets: defaultdict[int, set[str]] = defaultdict(set)
        for drop in self._drops:
            handsets[drop.minute // WINDOW_MIN].add(drop.device)
        hits, calls = sum(map(len, handsets.values())), self._windows.total()
        chances: dict[int, float] = {}
        # Whatever stands out is no part of what is usual, by which others may stand out then.
        while found := dict(self._unusual(handsets, hits, calls)):
            chances |= found
            for window in found:
                hits -= len(handsets.pop(window))
                calls -= self._windows[window]
        if not chances:
            return
        sums = {stretch: sum(chances.get(window, 0.0) for window in stretch) for stretch in _stretches(sorted(chances))}
        stretch, log_chance = min(sums.items(), key=itemgetter(1))
        drops = [drop for drop in self._drops if drop.minute // WINDOW_MIN in stretch]
        within = sum(self._windows[window] for window in stretch)
        usual = _usual(len(self._drops) - len(drops), self._windows.total() - within)
        yield self._placed(Cause(CauseKind.MANY, "", within, usual, log_chance, drops))

    def _unusual(self, handsets: Mapping[int, set[str]], all_hits: int, all_calls: int) -> Iterator[tuple[int, float]]:
        """Return the windows in which more handsets lost calls than chance gives, with that chance's logarithm."""
        for window, hit in handsets.items():
            calls = max(self._windows[window], len(hit))
            usual = _usual(all_hits - len(hit), all_calls - calls)
            if len(hit) >= MIN_HANDSETS and len(hit) >= TIMES_USUAL * usual * calls:
                log_chance = log_tail(len(hit), calls, usual) + math.log(len(self._windows))
                if log_chance < math.log(MAX_CHANCE):
                    yield window, log_chance

    def _placed(self, cause: Cause) -> Cause:
        """Name the place where nearly all handsets are that lost calls at once, unless most of the fleet is there."""
        at: Counter[str] = Counter(self._places.get(device, "") for device in cause.by_device)
        place, there = at.most_common(1)[0]
        calls = sum(number for device, number in self._calls.items() if self._places.get(device) == place)
        if not place or there < _OF_ONE_PLACE * at.total() or calls > self._all_calls / 2:
            return cause
        drops = [drop for drop in cause.explains if self._places.get(drop.device) == place]
        return Cause(CauseKind.PLACE, place, calls, cause.usual, cause.log_chance, drops)

    def _drops_by(self, name: Callable[[Drop], str]) -> dict[str, list[Drop]]:
        by: defaultdict[str, list[Drop]] = defaultdict(list)
        for drop in self._drops:
            by[name(drop)].append(drop)
        return by


def _usual(drops: int, calls: int) -> float:
    """Return the share of others' calls that drops, never 0 nor 1.

    It has one call more that dropped, and one that did not (Laplace's rule of succession): where few others call, they
    prove little. A call may have been erased since its drop was counted.
    """
    return (drops + 1) / (max(drops, calls) + 2)


def _stretches(windows: Iterable[int]) -> list[range]:
    """Join windows between which there are few others."""
    joined: list[range] = []
    for window in windows:
        if joined and window - joined[-1].stop <= _BETWEEN:
            joined[-1] = range(joined[-1].start, window + 1)
        else:
            joined.append(range(window, window + 1))
    return joined
