"""Fixtures that more than one folder of tests shares."""

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import settings

from tests.lab.pulse import PulseAudio

# A run of the tests can be repeated, and a slow computer is no fault; the soak looks further, elsewhere each time.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("soak", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("soak" if os.environ.get("WECALL_SOAK") == "1" else "repeatable")


_NICENESS = 10


def pytest_itemcollected(item: pytest.Item) -> None:
    """Have all that is heard, timed or booted run one after another; what only computes runs beside it."""
    if not _only_computes(item):
        item.add_marker(pytest.mark.xdist_group("one after another"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let what only computes wait for what is heard; a process that may not take its niceness back keeps it."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS if _only_computes(item) else 0)


def _only_computes(item: pytest.Item) -> bool:
    """Whether a test is about what comes of something and not about when."""
    return "unit" in item.path.parts or item.path.stem.endswith("_kills")


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
