"""Fixtures that more than one folder of tests shares."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.lab.pulse import PulseAudio

# A run of the tests can be repeated, and a slow computer is no fault; the soak looks further, elsewhere each time.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("soak", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("soak" if os.environ.get("WECALL_SOAK") == "1" else "repeatable")


class OneAfterAnother(LoadScopeScheduling):
    """Has all that is heard, timed or booted run one after another, by itself, once all that only computes is done."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if _only_computes(nodeid) else "one after another"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneAfterAnother:
    """Share the tests out between the processes."""
    return OneAfterAnother(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what only computes."""
    items.sort(key=lambda item: not _only_computes(item.nodeid))


def _only_computes(nodeid: str) -> bool:
    """Whether a test is about what comes of something and not about when."""
    return nodeid.startswith("tests/unit/") or "_kills.py::" in nodeid


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
