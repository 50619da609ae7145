"""How a run of the tests is shared out between its processes."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import ByWhatTheyShare

COMPUTES = [f"tests/unit/test_{name}.py::test_{number}" for name in "ab" for number in range(4)]
WAITS = [f"tests/integration/test_sync_{name}.py::test_{number}" for name in "ab" for number in range(6)]
ALONE = [f"tests/bench/test_{name}.py::test_{number}" for name in "ab" for number in range(3)]


class Process:
    """Does as a process of a run does: it keeps its last test until it has another or is told to end."""

    def __init__(self, tests: list[str]) -> None:
        self._tests = tests
        self.waiting: list[int] = []
        self.shutting_down = False
        self.gateway = SimpleNamespace(id="")

    def send_runtest_some(self, indices: list[int]) -> None:
        self.waiting += indices

    def shutdown(self) -> None:
        self.shutting_down = True

    @property
    def running(self) -> str | None:
        """The test that it is at."""
        return self._tests[self.waiting[0]] if len(self.waiting) > (not self.shutting_down) else None


@pytest.mark.parametrize(
    "tests", [COMPUTES + WAITS + ALONE, WAITS + ALONE, WAITS[:1] + ALONE, WAITS[:7] + ALONE, ALONE]
)
@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("slowest", [0, 1])
def test_every_test_runs_once_and_beside_those_that_must_be_alone_none(
    tests: list[str], processes: int, slowest: int
) -> None:
    tx = SimpleNamespace(option=SimpleNamespace(loadscopereorder=False), getvalue=lambda _name: [f"{processes}*popen"])
    scheduler: Any = ByWhatTheyShare(tx)
    nodes = [Process(tests) for _ in range(processes)]
    for node in nodes:
        scheduler.add_node(node)
        scheduler.add_node_collection(node, tests)
    scheduler.schedule()
    done: list[str] = []
    for turn in range(20 * len(tests)):
        running = {node.running for node in nodes} - {None}
        assert len(running) <= 1 or running.isdisjoint(ALONE), f"side by side: {running}"
        for place, node in enumerate(nodes):
            if (test := node.running) is not None and (place != slowest or turn % 5 == 0):
                done.append(test)
                scheduler.mark_test_complete(node, node.waiting.pop(0))
    assert sorted(done) == sorted(tests)
    assert scheduler.tests_finished
