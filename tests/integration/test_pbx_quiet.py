"""What a line that nobody uses costs its server: counted by a real Asterisk, for an hour and for a day."""

import sysconfig
import time
from pathlib import Path
from typing import Final

import psutil
import pytest

from firmware.phone.call import RegistrationState
from tests.lab import chance
from tests.lab.pbx_site import PbxSite, pbx_site
from tests.lab.priority import carry_sound

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(7200),
    pytest.mark.asterisk("quiet"),
    pytest.mark.skipif(not chance.SOAK, reason="for make soak"),
]

QUIET_S: Final = 600
HOUR_S: Final = 3600
MOST_AN_HOUR: Final = 240
WATCHED: Final = tuple(str(number) for number in range(300, 307))
"""As many as there may be, each with its hint in tests/lab/asterisk/extensions.conf."""
FAKE_TIME: Final = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}/faketime/libfaketime.so.1"
PACE: Final = 24
"""So much quicker the clock of a phone goes that lives through a day; the PBX's goes as it does."""


def test_an_hour_costs_240_messages_each_way_at_most_after_ten_quiet_minutes(tmp_path: Path) -> None:
    with pbx_site(tmp_path) as site:
        site.pbx.order("pjsip set logger on")
        with site.line(watched=WATCHED) as line:
            line.wait_for_registration(RegistrationState.REGISTERED)
            time.sleep(QUIET_S)
            assert most_of(site, "alice", hours=1, hour_s=HOUR_S) <= MOST_AN_HOUR


def test_each_hour_of_a_day_costs_as_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pbx_site(tmp_path) as site:
        site.pbx.order("pjsip set logger on")
        monkeypatch.setenv("LD_PRELOAD", FAKE_TIME)
        monkeypatch.setenv("FAKETIME", f"+0 x{PACE}")
        with site.friend(watched=WATCHED) as phone:
            monkeypatch.delenv("LD_PRELOAD")
            run_ahead(phone.pid, site.pbx.pid)
            time.sleep(QUIET_S / PACE)
            assert most_of(site, "bob", hours=24, hour_s=HOUR_S / PACE) <= MOST_AN_HOUR


def run_ahead(*processes: int) -> None:
    """Let what a process does come before all else: at this pace an answer has a few milliseconds to come."""
    for process in processes:
        for program in (psutil.Process(process), *psutil.Process(process).children(recursive=True)):
            for thread in program.threads():
                carry_sound(thread.id)


def most_of(site: PbxSite, user: str, *, hours: int, hour_s: float) -> int:
    """Return how many messages went in the hour with the most, and in the direction that has more of them."""
    counts = []
    for _ in range(hours):
        before = site.pbx.messages()
        time.sleep(hour_s)
        counts.append([now - then for now, then in zip(site.pbx.messages(), before, strict=True)])
        assert site.pbx.has_registered(user)
    print(f"messages to and from the PBX in each hour: {counts}")  # noqa: T201 - figures
    return max(most for both in counts for most in both)
