"""Fixtures that more than one folder of tests shares."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.durations import Keeper, Stopwatch
from tests.lab import chance
from tests.lab.pulse import PulseAudio
from tests.shares import Shares, shares

_said_again = f"WECALL_SEED={chance.SEED} has chance decide in the same way again."

# A slow computer is no fault. The soak looks further.
settings.register_profile("landing", deadline=None, database=None, print_blob=True)
settings.register_profile("soak", parent=settings.get_profile("landing"), max_examples=2000)
settings.load_profile("soak" if chance.SOAK else "landing")


class ByWhatTheyShare(LoadScopeScheduling):
    """Gives files of tests to the processes as these have time, and to the last of them all that must be alone."""

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        if self._only_what_is_alone_waits:
            for other in self.nodes:
                self._reschedule(other)

    @property
    def _only_what_is_alone_waits(self) -> bool:
        return next(iter(self.workqueue), None) == Shares.ALONE.name

    def _split_scope(self, nodeid: str) -> str:
        how = shares(nodeid)
        return nodeid.partition("::")[0] if how in {Shares.COMPUTES, Shares.WAITS} else how.name

    def _assign_work_unit(self, node: WorkerController) -> None:
        others = [other for other in self.nodes if other is not node]
        if self._only_what_is_alone_waits and any(
            not other.shutting_down or self._pending_of(self.assigned_work[other]) for other in others
        ):
            return
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if self._only_what_is_alone_waits and any(
            other is not node and not other.shutting_down for other in self.nodes
        ):
            # It ends what it has; a process that is not told to end keeps its last test until it has another.
            node.shutdown()
        else:
            super()._reschedule(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByWhatTheyShare:
    """Share the tests out between the processes."""
    return ByWhatTheyShare(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have chance decide everywhere by one seed, and each test's duration measured and kept."""
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(chance.SEED)
    config.pluginmanager.register(Stopwatch())
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Keeper())


def pytest_report_header() -> str:
    return _said_again


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        terminalreporter.write_line(_said_again)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what must be alone last."""
    items.sort(key=lambda item: shares(item.nodeid))


@pytest.fixture(scope="session")
def pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseAudio]:
    """Sound cards `ear`, `mic` and `bell` for the whole run, with this process's environment pointing to them."""
    server = PulseAudio(tmp_path_factory.mktemp("pulse"), sinks=("ear", "mic", "bell"))
    server.start()
    saved = {name: os.environ.get(name) for name in server.environment}
    os.environ.update(server.environment)
    yield server
    for name, value in saved.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    server.stop()
