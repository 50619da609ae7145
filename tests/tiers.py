"""The tiers of the tests (tests/README.md), and how those of a run share the machine: a plugin of pytest.

Markers say what a test is: `quick` or `real`, `computes` where it gives way to all others, and `story` where the tests
of its file follow from one another. Each folder's conftest.py marks what stands in it and is not marked otherwise.
"""

import os
import random
from collections import defaultdict
from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.coverage_map import CoverageMap, family_of, module_of
from tests.lab import chance

SHUFFLE: Final = "WECALL_SHUFFLE"
"""In the environment: tests run in random order."""
_BOX: Final = "tests/system/"
"""Where the tests are that share one computer, which is booted for all of them."""
_NICENESS: Final = 10
"""How much more what computes gives way; at an idle priority it would wait for ever beside whoever never rests."""
_COST: Final = CoverageMap.read().cost_s


def mark_folder(folder: Path, items: Iterable[pytest.Item], name: str) -> None:
    """Mark the tests of a folder as of a tier, but for those that are marked as of another."""
    for item in items:
        if item.path.is_relative_to(folder) and tier(item) is None:
            item.add_marker(name)


def tier(item: pytest.Item) -> str | None:
    """Return the tier that a test is marked as of."""
    return next((name for name in ("quick", "real") if item.get_closest_marker(name)), None)


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Gives files of tests to the processes as these have time; what is booted once goes to one of them."""

    def remove_node(self, node: WorkerController) -> str | None:
        """Give to others what a process has left that ended; return the test that it died of.

        Xdist gives out again that test too, and files that are done, to whose end nobody would come.
        """
        files = self.assigned_work.pop(node)
        left = [(tests, test) for tests in files.values() for test, done in tests.items() if not done]
        if not left:
            return None
        tests, died_of = left[0]
        tests[died_of] = True
        self.workqueue.update({file: tests for file, tests in files.items() if not all(tests.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return str(died_of)

    def _assign_work_unit(self, node: WorkerController) -> None:
        # One that has ended meanwhile cannot be told; what it was given is taken back where it is removed.
        with suppress(OSError):
            super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        """Give a process files until it begins: it keeps its last test back until it knows what follows."""
        super()._reschedule(node)
        if self.workqueue and not node.shutting_down and self._pending_of(self.assigned_work[node]) <= 1:
            self._reschedule(node)

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


def _scope(test: str) -> str:
    return _BOX if test.startswith(_BOX) else module_of(test)


class GivesWay:
    """Has a test that computes give way to all others, where this user may do so and take it back."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        if item.get_closest_marker("computes") is None or os.geteuid():
            return (yield)
        before = os.nice(0)
        os.nice(_NICENESS)
        try:
            return (yield)
        finally:
            os.setpriority(os.PRIO_PROCESS, 0, before)


def in_order(tests: Sequence[str]) -> list[int]:
    """Return for each test its place: files that take long first, or all would wait for them at the end."""
    cost_s: dict[str, float] = defaultdict(float)
    for test in tests:
        cost_s[_scope(test)] += _COST.get(family_of(test), 0.0)
    return sorted(range(len(tests)), key=lambda at: (-cost_s[_scope(tests[at])], _scope(tests[at])))


def stories_of(items: Iterable[pytest.Item]) -> frozenset[str]:
    """Return the modules whose tests follow from one another."""
    return frozenset(module_of(item.nodeid) for item in items if item.get_closest_marker("story"))


def shuffled(tests: Sequence[str], seed: int, stories: Collection[str] = ()) -> list[int]:
    """Return for each test its place in a random order of files, and of the tests within each.

    Those of a story keep their order, and those that share a computer, which the last of them takes away.
    """
    place = random.Random(seed).random
    of_file: dict[str, float] = defaultdict(place)
    keeps_order = [module_of(test) in stories or _scope(test) == _BOX for test in tests]
    of_test = [0.0 if keeps else place() for keeps in keeps_order]
    return sorted(range(len(tests)), key=lambda at: (of_file[_scope(tests[at])], _scope(tests[at]), of_test[at]))


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(GivesWay())


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Share the tests out between the processes."""
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, or where chance says."""
    tests, is_random = [item.nodeid for item in items], SHUFFLE in os.environ
    order = shuffled(tests, chance.SEED, stories_of(items)) if is_random else in_order(tests)
    items[:] = [items[at] for at in order]
