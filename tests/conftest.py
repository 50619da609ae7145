"""Fixtures that more than one folder of tests shares."""

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from firmware.base.logs import Redaction
from tests import peer_logs, tiers, touched
from tests.coverage_map import Switch
from tests.durations import Keeper, Stopwatch
from tests.lab import chance, kills
from tests.lab.pulse import PulseAudio

_said_again = f"WECALL_SEED={chance.SEED} has chance decide in the same way again."

# A slow computer is no fault. The soak looks further.
settings.register_profile("landing", deadline=None, database=None, print_blob=True, max_examples=50)
settings.register_profile("soak", parent=settings.get_profile("landing"), max_examples=2000)
settings.load_profile("soak" if chance.SOAK else "landing")

# Behind `&` in a script a shell has it ignored, and so would the programs whose Ctrl-C is tested.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let no time-out strike while a failure is put into words: it would end the whole run."""
    left_s, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, left_s)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Undo what a test does to logging that runs one of our programs by its function: `firmware.base.logs.set_up`."""
    root = logging.getLogger()
    level, raises = root.level, logging.raiseExceptions
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    for handler in root.handlers[:]:
        if any(isinstance(each, Redaction) for each in handler.filters):
            root.removeHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(False)
    logging.raiseExceptions = raises
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have chance decide everywhere by one seed, tests share the machine, and their durations measured and kept."""
    # Collecting twelve thousand tests leaves no garbage, and a fifth of its time would go into looking for it.
    gc.disable()
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(chance.SEED)
    config.pluginmanager.register(tiers)
    config.pluginmanager.register(peer_logs)
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        config.pluginmanager.register(Stopwatch())
        if touched.is_wanted():
            config.pluginmanager.register(Switch())
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Keeper())


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have no collection of garbage look through the tests again and again, and forks made by who is preferred."""
    gc.freeze()
    gc.enable()
    if hasattr(session.config, "workerinput"):
        kills.get_ready()


def pytest_report_header() -> str:
    return _said_again


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        terminalreporter.write_line(_said_again)


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
