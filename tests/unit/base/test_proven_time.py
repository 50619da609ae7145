"""What a handset knows of the present when its clock may show anything."""

from pathlib import Path

import pytest

from firmware.base.proven_time import ProvenTime

BUILT_S = 1_780_000_000.0
DAY_S = 86_400.0
YEAR_2100_S = 4_102_444_800.0


class Handset:
    """One that is switched off and on: only what lies on its card outlasts that."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "provisioning" / "proven-time"
        self.clock_s = 0.0
        self.synced = False

    @property
    def time(self) -> ProvenTime:
        return ProvenTime(self.path, lambda: self.clock_s, lambda: self.synced, BUILT_S)

    def see(self, clock_s: float, *, synced: bool) -> None:
        self.clock_s, self.synced = clock_s, synced
        self.time.note_clock()


@pytest.fixture
def handset(tmp_path: Path) -> Handset:
    return Handset(tmp_path)


def test_a_clock_in_1970_is_behind_the_firmware_that_reads_it(handset: Handset) -> None:
    assert handset.time.read().is_behind
    assert handset.time.read().at_least_s == BUILT_S


def test_a_clock_that_is_right_or_ahead_counts_as_it_is(handset: Handset) -> None:
    for handset.clock_s, handset.synced in ((BUILT_S + DAY_S, False), (BUILT_S - DAY_S, True)):
        assert handset.time.read().at_least_s == handset.clock_s
        assert not handset.time.read().is_behind


def test_the_clock_is_behind_what_it_showed_while_a_time_service_kept_it_right(handset: Handset) -> None:
    handset.see(BUILT_S + 9 * DAY_S, synced=True)
    handset.see(BUILT_S + 2 * DAY_S, synced=False)
    assert handset.time.read().at_least_s == BUILT_S + 9 * DAY_S


def test_the_clock_is_behind_what_was_signed_since(handset: Handset) -> None:
    handset.time.note_signed(BUILT_S + 5 * DAY_S)
    handset.time.note_signed(BUILT_S + 4 * DAY_S)
    assert handset.time.read().at_least_s == BUILT_S + 5 * DAY_S


def test_a_clock_that_nobody_keeps_right_proves_nothing(handset: Handset) -> None:
    handset.see(YEAR_2100_S, synced=False)
    handset.see(BUILT_S + DAY_S, synced=False)
    assert handset.time.read().at_least_s == BUILT_S + DAY_S


@pytest.mark.parametrize("lie", ["a time server's", "a signer's"])
def test_a_lie_about_the_year_2100_ends_with_the_next_time_that_is_right(handset: Handset, lie: str) -> None:
    if lie == "a signer's":
        handset.time.note_signed(YEAR_2100_S)
    else:
        handset.see(YEAR_2100_S, synced=True)
    handset.see(BUILT_S + DAY_S, synced=True)
    assert handset.time.read().at_least_s == BUILT_S + DAY_S
    handset.see(0, synced=False)
    assert handset.time.read().at_least_s == BUILT_S + DAY_S


def test_the_card_is_written_a_few_times_a_day_only(handset: Handset) -> None:
    handset.see(BUILT_S, synced=True)
    first = handset.path.stat().st_ino
    handset.see(BUILT_S + DAY_S / 8, synced=True)
    assert handset.path.stat().st_ino == first
    handset.see(BUILT_S + DAY_S / 4, synced=True)
    assert int(handset.path.read_bytes()) == BUILT_S + DAY_S / 4


@pytest.mark.parametrize("content", [b"", b"soon\n", b"-5\n", b"9" * 30, b"9" * 5000, b"\xff", b"nan"])
def test_what_a_broken_card_says_is_no_proof(handset: Handset, content: bytes) -> None:
    handset.path.parent.mkdir()
    handset.path.write_bytes(content)
    assert handset.time.read().at_least_s == BUILT_S
    handset.see(BUILT_S + DAY_S, synced=True)
    assert int(handset.path.read_bytes()) == BUILT_S + DAY_S


def test_a_card_that_cannot_be_written_keeps_nobody_from_anything(
    handset: Handset, caplog: pytest.LogCaptureFixture
) -> None:
    handset.path.parent.write_text("a file where the folder should be")
    handset.time.note_signed(BUILT_S + DAY_S)
    assert "cannot be written down" in caplog.text
    assert handset.time.read().at_least_s == BUILT_S
