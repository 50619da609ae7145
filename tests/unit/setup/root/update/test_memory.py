"""What follows from what root remembers, at each start of the machine and after each wish."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.results import OutcomeCode
from firmware.setup.root.boot.choice import Slot
from firmware.setup.root.update.memory import (
    MOST_TRIES,
    NAME,
    Memory,
    MemoryDamagedError,
    Phase,
    Start,
    Waiting,
    higher,
    is_on_trial,
    must_go_back,
    read_memory,
    recovered,
    write_memory,
)

pytestmark = pytest.mark.feature("updates by slots")

A, B = Slot
WAITS = Waiting(slot=B, version="2.0", manifest_sha256="0" * 64)
NOW, BEFORE = "this start", "an earlier start"


def memory(phase: Phase, tries: int, since: str) -> Memory:
    return Memory(waiting=WAITS.model_copy(update={"phase": phase, "tries": tries, "since": since}))


# What it remembers (phase, tries, since when), how the machine was started (slot, primary, by a watchdog), and what
# that comes to: the phase and tries of what waits, or what became of it.
TABLE = [
    # The old system runs.
    ((Phase.PENDING, 0, ""), (A, A, False), (Phase.PENDING, 0)),
    ((Phase.PENDING, 2, ""), (A, A, True), (Phase.PENDING, 2)),
    ((Phase.RUNNING, 1, BEFORE), (A, A, False), (Phase.PENDING, 1)),
    ((Phase.RUNNING, 2, BEFORE), (A, A, False), (Phase.PENDING, 2)),
    ((Phase.RUNNING, 3, BEFORE), (A, A, False), OutcomeCode.WENT_BACK),
    ((Phase.RUNNING, 1, BEFORE), (A, A, True), OutcomeCode.WENT_BACK),
    # Root's service was started anew, and the machine was not yet.
    ((Phase.RUNNING, 1, NOW), (A, A, True), (Phase.PENDING, 1)),
    ((Phase.FAILED, 1, BEFORE), (A, A, False), OutcomeCode.WENT_BACK),
    ((Phase.FAILED, 1, BEFORE), (A, A, True), OutcomeCode.WENT_BACK),
    # It was found good, cut off before that was remembered, and now it cannot be loaded.
    ((Phase.RUNNING, 1, BEFORE), (A, B, False), (Phase.PENDING, 1)),
    # The new system runs.
    ((Phase.RUNNING, 1, BEFORE), (B, A, False), (Phase.RUNNING, 1)),
    ((Phase.RUNNING, 3, BEFORE), (B, A, False), (Phase.RUNNING, 3)),
    ((Phase.RUNNING, 1, BEFORE), (B, B, False), OutcomeCode.APPLIED),
    ((Phase.RUNNING, 1, BEFORE), (B, B, True), OutcomeCode.APPLIED),
    ((Phase.FAILED, 1, NOW), (B, A, False), (Phase.FAILED, 1)),
    # It has failed, and the bootloader could load nothing else: the machine stays, and starts no more.
    ((Phase.FAILED, 1, BEFORE), (B, A, False), OutcomeCode.FAILED),
    # Nobody had it tried: the bootloader could not load the system that counts.
    ((Phase.PENDING, 1, ""), (B, A, False), (Phase.RUNNING, 2)),
]


def test_a_start_leads_on_from_wherever_something_was_cut_off(subtests: pytest.Subtests) -> None:
    for remembered, started, comes_to in TABLE:
        with subtests.test(remembered=remembered):
            slot, primary, by_watchdog = started
            start = Start(slot, primary, NOW, by_watchdog)
            after = recovered(memory(*remembered), start)
            if isinstance(comes_to, OutcomeCode):
                assert (after.waiting, after.last, after.last_version) == (None, comes_to, "2.0")
                assert after.failed == ("" if comes_to is OutcomeCode.APPLIED else "2.0")
            else:
                assert after.waiting is not None
                assert (after.waiting.phase, after.waiting.tries) == comes_to
            assert recovered(after, start) == after
            assert must_go_back(after, start) == (remembered == (Phase.FAILED, 1, NOW))


def test_where_nothing_waits_nothing_follows() -> None:
    for slot in Slot:
        assert recovered(Memory(failed="1.0"), Start(slot, A, NOW)) == Memory(failed="1.0")


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [("", "", ""), ("", "0.1", "0.1"), ("0.10", "0.9", "0.10"), ("1.0rc1", "1.0", "1.0"), ("2.0", "", "2.0")],
)
def test_the_higher_of_two_versions(one: str, other: str, found: str) -> None:
    assert higher(one, other) == found == higher(other, one)


def test_the_floor_only_rises() -> None:
    assert Memory().raised("0.3").raised("0.2").floor == "0.3"


def test_what_is_remembered_is_roots_alone_and_comes_back(tmp_path: Path) -> None:
    kept = memory(Phase.RUNNING, 2, BEFORE).raised("0.3")
    assert read_memory(tmp_path) == Memory()
    write_memory(tmp_path, kept)
    assert read_memory(tmp_path) == kept
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_the_system_of_before_reads_what_a_newer_one_wrote_on_trial(tmp_path: Path) -> None:
    waiting = {"slot": "B", "version": "2.0", "manifest_sha256": "0" * 64, "phase": "failed", "later": 1}
    (tmp_path / NAME).write_text(json.dumps({"format": 1, "waiting": waiting, "floor": "1.0", "later": []}))
    memory = read_memory(tmp_path)
    assert memory.floor == "1.0"
    assert memory.waiting is not None
    assert memory.waiting.phase is Phase.FAILED


@pytest.mark.parametrize("content", ["", "{", '{"floor": 3}', '{"waiting": {"slot": "C"}}', '{"unknown": 1}'])
def test_damage_is_told_and_not_taken_for_a_phone_that_had_no_update(tmp_path: Path, content: str) -> None:
    (tmp_path / NAME).write_text(content)
    with pytest.raises(MemoryDamagedError, match="cannot be read"):
        read_memory(tmp_path)


EVENTS = st.sampled_from(["try", "power cut", "watchdog", "no kernel", "works", "fails", "service killed", "install"])


@given(st.lists(EVENTS, max_size=40))
def test_whatever_happens_a_version_is_tried_three_times_at_most_and_never_again_once_it_failed(
    events: list[str],
) -> None:
    kept, start = Memory(), Start(A, A, "0")
    old, new, armed, version, tried = A, B, False, 1, 0
    for number, event in enumerate(events, 1):
        trial = is_on_trial(kept, start.slot)
        waits = kept.waiting is not None and kept.waiting.phase is Phase.PENDING
        resets = event in {"power cut", "watchdog", "no kernel"}
        if event == "install" and (waits or kept.waiting is None):
            version, tried = version + 1, 0
            kept = kept.installed(WAITS.model_copy(update={"slot": new, "version": str(version)}))
        elif event == "try" and waits:
            kept, armed, resets = kept.starting(start.boot_id), True, True
        elif event == "works" and trial:
            old, new = new, old
            start = Start(start.slot, start.slot, start.boot_id)
            kept = kept.kept()
        elif event == "fails" and trial:
            kept, resets = kept.failing(start.boot_id), True
        if resets:
            slot = new if armed and event != "no kernel" else old
            tried += slot == new
            armed = False
            start = Start(slot, old, str(number), event == "watchdog")
        kept = recovered(kept, start)
        assert recovered(kept, start) == kept
        assert tried <= MOST_TRIES
        assert is_on_trial(kept, start.slot) == (start.slot != old)
        if kept.last is OutcomeCode.WENT_BACK:
            assert kept.waiting is None
            assert kept.failed == str(version)
