"""How the tests of a run share the machine: a plugin of pytest for the processes that run them."""

import enum
import fcntl
import os
import re
from collections import defaultdict
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController


class Shares(enum.Enum):
    """How a test takes to others that run beside it."""

    BOOTS = enum.auto()
    """It runs in the one computer that is booted for all of them."""
    WAITS = enum.auto()
    """It mostly waits: others compute meanwhile, and it bears with a busy computer."""
    COMPUTES = enum.auto()
    """It is about what comes of something and not about when, and gives way to all others."""
    ALONE = enum.auto()
    """It holds the phone's own speed against a clock: only what computes may run beside it."""


_ALONE: Final = re.compile(
    r"^tests/(bench/|contract/test_sound\.py::test_frames_may_be|integration/test_("
    r"media_loop\.py::test_(dial_tone_is_heard_within|the_loop_itself_costs|a_microphone_that_hears_the_loudspeaker)|"
    r"phone_bad_input\.py::test_(keys_that_mean_nobody|a_call_and_the_keys\w*\[small)|"
    r"phone_calls\.py::test_dial_tone_comes|"
    r"phone_faults\.py::test_a_server_that_is_back|"
    r"(voice|handset)_kills\.py|"
    r"phone_speaker\.py::test_(the_server_says_which_ring|where_the_holder_wants)|"
    r"sip_calls\.py::test_(ringing_is_signalled_within|a_server_that_(says|refuses)|a_malformed_address)|"
    r"sip_codec_order\.py::test_the_change_is_not_heard|"
    r"sip_flood\w*\.py|"
    r"sip_jitter_buffer\.py::test_speech_over_a_bad_line|"
    r"sip_lines_network\.py::test_(a_changed_address|an_address_that_cannot_be_reached)|"
    r"sip_lines_servers\.py::test_(the_next_server\w*\[(kill-udp|freeze)|a_registrar_that_has_forgotten)|"
    r"sip_registration\.py::test_stopping_takes|"
    r"sync_delivery\.py::test_(the_handset_is_online|a_handset_without_a_broker|a_stop_while)"
    r"))"
)

_LONG: Final = re.compile(
    r"/test_(used_phone|wires|fleet_page|phone_(bad_input|bundles|calls|faults|recording)|sip_(calls|codec_order|lines_servers|"
    r"sessions)|simulator_(page|walk))\.py"
)
"""Files that take three quarters of a minute each; begun late, one would be waited for by all that must be alone."""

_NICENESS: Final = 10
"""How much more what computes gives way; at an idle priority it would wait for ever beside whoever never rests."""
_HEARS: Final = ("tests/contract/test_ringer.py", "tests/contract/test_sound.py")


_STAGES: Final = (Shares.BOOTS, Shares.WAITS, Shares.ALONE, Shares.COMPUTES)


def shares(nodeid: str) -> Shares:
    """Return how a test shares the machine, by where it stands."""
    if _ALONE.match(nodeid):
        return Shares.ALONE
    if nodeid.startswith(("tests/unit/", "tests/contract/")) or "_kills.py::" in nodeid:
        return Shares.WAITS if nodeid.startswith(_HEARS) else Shares.COMPUTES
    return Shares.BOOTS if nodeid.startswith("tests/system/") else Shares.WAITS


class ByWhatTheyShare(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Gives files of tests to the processes as these have time; what is booted once, or alone, goes to one of them."""

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
        is_of_one_process = how in {Shares.BOOTS, Shares.ALONE}
        return how.name if is_of_one_process else f"{nodeid.partition('::')[0]} {how.name}"


class Turns:
    """Has each test wait for its turn, which counts neither as its time nor against its time-out.

    All but one that must be alone may run at once. Who computes gives way to all others, where this user may do so and
    take it back, and then it need not wait for its turn.

    Args:
        root: a folder that all processes of the run have, and no other run.
    """

    def __init__(self, root: Path) -> None:
        self._lock = os.open(root, os.O_RDONLY)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        how = shares(item.nodeid)
        if how is Shares.COMPUTES and os.geteuid() == 0:
            before = os.nice(0)
            os.nice(_NICENESS)
            try:
                return (yield)
            finally:
                os.setpriority(os.PRIO_PROCESS, 0, before)
        fcntl.flock(self._lock, fcntl.LOCK_EX if how is Shares.ALONE else fcntl.LOCK_SH)
        try:
            return (yield)
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)


def in_order(nodeids: Sequence[str]) -> list[int]:
    """Return for each test its place: the booted ones, those that wait, those alone.

    Those that compute come behind these, for the other processes: nobody else may run beside who is alone.
    """
    files: dict[Shares, dict[str, int]] = defaultdict(dict)
    for nodeid in sorted(nodeids, key=lambda nodeid: _LONG.search(nodeid) is None):
        of_its_kind = files[shares(nodeid)]
        of_its_kind.setdefault(nodeid.partition("::")[0], len(of_its_kind))

    def place(at: int) -> tuple[int, float]:
        how = shares(nodeids[at])
        how_far = files[how][nodeids[at].partition("::")[0]] / len(files[how])
        return _STAGES.index(how), how_far

    return sorted(range(len(nodeids)), key=place)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Turns(config.rootpath))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByWhatTheyShare:
    """Share the tests out between the processes."""
    return ByWhatTheyShare(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the processes wait and compute at once, and what must be alone come last."""
    items[:] = [items[at] for at in in_order([item.nodeid for item in items])]
