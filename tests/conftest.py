"""Fixtures that more than one folder of tests shares."""

import enum
import os
import re
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.lab.pulse import PulseAudio

# A run of the tests can be repeated, and a slow computer is no fault; the soak looks further, elsewhere each time.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("soak", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("soak" if os.environ.get("WECALL_SOAK") == "1" else "repeatable")


class Shares(enum.IntEnum):
    """How a test takes to others that run beside it; those with the lower number come first."""

    COMPUTES = 0
    """It is about what comes of something and not about when."""
    BOOTS = 1
    """It runs in the one computer that is booted for all of them."""
    WAITS = 2
    """It mostly waits, for longer than a busy computer takes."""
    ALONE = 3
    """It hears every gap in a sound, or holds something against a clock."""


_ALONE: Final = re.compile(
    r"^tests/(contract/|bench/|integration/test_("
    r"media_|sip_(conference|flood|jitter_buffer|lines_network|lines_servers|transfer)|"
    r"phone_(bad_input|callers|calls|conference|recording|several_calls|speaker|transfer)"
    r")\w*\.py::|integration/test_sip_calls\.py::test_ringing_is_signalled_within)"
)


def _shares(nodeid: str) -> Shares:
    if nodeid.startswith("tests/unit/") or "_kills.py::" in nodeid:
        return Shares.COMPUTES
    if nodeid.startswith("tests/system/"):
        return Shares.BOOTS
    return Shares.ALONE if _ALONE.match(nodeid) else Shares.WAITS


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
        shares = _shares(nodeid)
        return nodeid.partition("::")[0] if shares in {Shares.COMPUTES, Shares.WAITS} else shares.name

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what must be alone last."""
    items.sort(key=lambda item: _shares(item.nodeid))


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
