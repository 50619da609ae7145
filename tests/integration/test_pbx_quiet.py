"""What a line that nobody uses costs its server: counted by a real Asterisk, for an hour."""

import time
from pathlib import Path

import pytest

from firmware.phone.call import RegistrationState
from tests.lab import chance
from tests.lab.pbx_site import pbx_site

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]

QUIET_S, COUNTED_S = 600, 3600
MOST_AN_HOUR = 240
WATCHED = tuple(str(number) for number in range(300, 307))
"""As many as there may be, each with its hint in tests/lab/asterisk/extensions.conf."""


@pytest.mark.asterisk("quiet")
@pytest.mark.skipif(not chance.SOAK, reason="for make soak")
def test_after_ten_quiet_minutes_a_line_exchanges_240_messages_an_hour_each_way_at_most(tmp_path: Path) -> None:
    with pbx_site(tmp_path) as site:
        site.pbx.order("pjsip set logger on")
        with site.line(watched=WATCHED) as line:
            line.wait_for_registration(RegistrationState.REGISTERED)
            time.sleep(QUIET_S)
            before = site.pbx.messages()
            time.sleep(COUNTED_S)
            received, sent = (now - then for now, then in zip(site.pbx.messages(), before, strict=True))
            print(f"{received} messages came and {sent} went in an hour")  # noqa: T201 - figures
            assert site.pbx.has_registered("alice")
            assert max(received, sent) <= MOST_AN_HOUR
