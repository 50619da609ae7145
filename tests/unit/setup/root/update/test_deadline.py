"""The way back from a system whose own programs do not run, as wecall-update-deadline.service looks for it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.lab.update_machine import UpdateMachine

pytestmark = pytest.mark.feature("updates by slots")

UNIT = Path(__file__).parents[5] / "systemd/wecall-update-deadline.service"


def goes_back(card: UpdateMachine, hangs_up_after: int = 0) -> bool:
    """Tell whether the unit's conditions hold on this card, where a call ends after so many looks."""
    conditions = re.findall(r"^ExecCondition=/bin/sh -c '(.*)'$", UNIT.read_text(), re.MULTILINE)
    assert len(conditions) == 2
    (card.root / "run/wecall-update/slot").write_text(f"{card.slot}\n")
    sleep = card.root / "bin/sleep"
    sleep.parent.mkdir(exist_ok=True)
    sleep.write_text(
        f'#!/bin/sh\necho "$1" >> {card.root}/slept\n'
        f'[ "$(wc -l < {card.root}/slept)" -eq {hangs_up_after} ] && rm {card.call_mark}\nexit 0\n'
    )
    sleep.chmod(0o755)
    environment = {**os.environ, "PATH": f"{sleep.parent}:{os.environ['PATH']}"}
    for condition in conditions:
        # What systemd makes of it: systemd.service(5), "Command lines".
        script = condition.replace("$$", "$").replace("\\\\", "\\")
        script = script.replace("/run/", f"{card.root}/run/").replace("/var/", f"{card.root}/var/")
        if subprocess.run(("/bin/sh", "-c", script), check=False, env=environment).returncode != 0:
            return False
    return True


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


@pytest.mark.parametrize(("hangs_up_after", "slept"), [(7, 7), (1000, 360)])
def test_it_cuts_no_call_off_but_waits_for_no_longer_than_half_an_hour(
    tmp_path: Path, hangs_up_after: int, slept: int
) -> None:
    card = UpdateMachine(tmp_path)
    card.recovered()
    card.on_trial()
    card.call_mark.touch()
    assert goes_back(card, hangs_up_after)
    assert (tmp_path / "slept").read_text() == "5\n" * slept
