"""The real GRUB does with systemd/grub.cfg what the model of it says, and a kernel that hangs in a trial is reset."""

from pathlib import Path

import pytest

from firmware.setup.root.boot.choice import Marks, Slot
from tests.fakes.boot_firmware import Started
from tests.lab.boot_model import starts
from tests.lab.grub_card import GrubCard

A, B, TRIAL_OF_B = Started(Slot.A, as_trial=False), Started(Slot.B, as_trial=False), Started(Slot.B, as_trial=True)
LONG, SHORT = 100_000, 5_000


def test_a_trial_that_hangs_is_reset_and_leads_back(tmp_path: Path) -> None:
    card = GrubCard(tmp_path, Marks(Slot.A, Slot.B), watchdog_ticks=SHORT)
    assert card.starts(count=2) == [TRIAL_OF_B, A]
    assert card.marks == Marks(Slot.A, None)


def test_what_cannot_be_used_up_is_not_tried(tmp_path: Path) -> None:
    card = GrubCard(tmp_path, Marks(Slot.A, Slot.B), watchdog_ticks=LONG)
    assert card.starts(writable=False) == [A]


@pytest.mark.parametrize(
    ("marks", "loadable"),
    [
        (Marks(Slot.A, Slot.B), [Slot.A, Slot.B]),
        (Marks(Slot.A, Slot.B), [Slot.A]),
        (Marks(Slot.A, None), [Slot.B]),
        (Marks(Slot.B, None), [Slot.A, Slot.B]),
        (Marks(Slot.B, Slot.A), [Slot.B]),
    ],
)
def test_grub_and_its_model_agree(tmp_path: Path, marks: Marks, loadable: list[Slot]) -> None:
    card = GrubCard(tmp_path, marks, loadable=loadable, watchdog_ticks=LONG)
    partition = card.image.read_bytes()[1 << 20 : 49 << 20]
    assert card.starts() == [starts(partition, loadable)]
    assert card.marks == Marks(marks.primary, None)
