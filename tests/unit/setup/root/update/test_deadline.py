"""The way back from a system whose own programs do not run, as wecall-update-deadline.service looks for it."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.lab.update_machine import UpdateMachine

pytestmark = pytest.mark.feature("updates by slots")

UNIT = Path(__file__).parents[5] / "systemd/wecall-update-deadline.service"


def goes_back(card: UpdateMachine) -> bool:
    """Tell whether the unit's condition holds on this card."""
    found = re.search(r"^ExecCondition=/bin/sh -c '(.*)'$", UNIT.read_text(), re.MULTILINE)
    assert found is not None
    # What systemd makes of it: systemd.service(5), "Command lines".
    script = found[1].replace("$$", "$").replace("\\\\", "\\")
    script = script.replace("/run/", f"{card.root}/run/").replace("/var/", f"{card.root}/var/")
    (card.root / "run/wecall-update/slot").write_text(f"{card.slot}\n")
    return subprocess.run(("/bin/sh", "-c", script), check=False).returncode == 0


def test_only_a_slot_on_trial_is_left_by_the_timer(tmp_path: Path) -> None:
    card = UpdateMachine(tmp_path)
    card.recovered()
    assert not goes_back(card)
    card.install("2.0")
    assert not goes_back(card)
    card.work().start_trial()
    card.start()
    assert goes_back(card)
    card.work().works()
    assert not goes_back(card)


def test_it_leaves_also_where_roots_service_never_ran(tmp_path: Path) -> None:
    card = UpdateMachine(tmp_path)
    card.recovered()
    card.install("2.0")
    card.work().start_trial()
    card.start(recovers=False)
    assert goes_back(card)
    card.start()
    assert not goes_back(card)
