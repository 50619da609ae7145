"""Fixtures that more than one folder of tests shares."""

import os
import signal
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.durations import Keeper, Stopwatch
from tests.lab import chance
from tests.lab.pulse import PulseAudio
from tests.shares import Machine, Shares, shares

_said_again = f"WECALL_SEED={chance.SEED} has chance decide in the same way again."

# A slow computer is no fault. The soak looks further.
settings.register_profile("landing", deadline=None, database=None, print_blob=True, max_examples=50)
settings.register_profile("soak", parent=settings.get_profile("landing"), max_examples=2000)
settings.load_profile("soak" if chance.SOAK else "landing")


class ByWhatTheyShare(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
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

    def _split_scope(self, nodeid: str) -> str:
        how = shares(nodeid)
        return how.name if how is Shares.BOOTS else f"{nodeid.partition('::')[0]} {how.name}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByWhatTheyShare:
    """Share the tests out between the processes."""
    return ByWhatTheyShare(config, log)


class Turns:
    """Has each test wait for its turn, which counts neither as its time nor against its time-out."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        with self._machine.used_by(item.nodeid):
            return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let no time-out strike while a failure is put into words: it would end the whole run."""
    left_s, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, left_s)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have chance decide everywhere by one seed, and each test's duration measured and kept."""
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(chance.SEED)
    config.pluginmanager.register(Stopwatch())
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Turns(Machine()))
    else:
        config.pluginmanager.register(Keeper())


def pytest_report_header() -> str:
    return _said_again


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        terminalreporter.write_line(_said_again)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first, and what must be alone last."""
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
