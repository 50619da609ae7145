"""A handset whose clock is set ten years ahead, or back, while it runs: only its calendar may notice."""

import datetime as dt
import subprocess
import sys
import sysconfig
import uuid
from pathlib import Path

import pytest

from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.news import IncomingCallReceived, RegistrationChanged
from firmware.phone.orders import AnswerCall, HangUpCall, PlaceCall
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.lab.kamailio import Kamailio
from tests.lab.patience import wait_until
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine

pytestmark = pytest.mark.feature("broken networks")

USERS = {"alice": "secret-of-alice", "bob": "secret-of-bob"}
FAKE_TIME = Path(f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}/faketime/libfaketime.so.1")


def settings_of(user: str, server: Kamailio) -> SipSettings:
    account = AccountSettings(
        user, "localhost", "127.0.0.1", server.udp_port, Transport.UDP, USERS[user], srtp=Srtp.OFF
    )
    return SipSettings(account, local_port=0)


def set_clock(path: Path, offset: str) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(offset)
    draft.rename(path)


@pytest.mark.parametrize("offset", ["+10y", "-10y"])
def test_a_clock_that_jumps_ten_years_ends_no_call_and_costs_no_registration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset: str
) -> None:
    assert FAKE_TIME.exists(), "debian-packages.txt names libfaketime"
    clock = tmp_path / "clock"
    set_clock(clock, "+0")
    with Kamailio(tmp_path / "registrar", USERS) as server, SipLine(settings_of("bob", server)) as caller:
        monkeypatch.setenv("LD_PRELOAD", str(FAKE_TIME))
        monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(clock))
        monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
        # Setting a machine's clock leaves the monotonic one alone.
        monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        with SecondPhone(settings_of("alice", server)) as phone:
            monkeypatch.delenv("LD_PRELOAD")
            # Under libfaketime everything that asks for the time is slow, a starting interpreter most of all.
            phone.wait_for_registration(RegistrationState.REGISTERED, timeout_s=30)
            caller.wait_for_registration(RegistrationState.REGISTERED)
            call_id = CallId(uuid.uuid4().hex)
            caller.stack.order(PlaceCall(call_id, SipUri("sip:alice@localhost")))
            phone.stack.order(AnswerCall(phone.wait_for(IncomingCallReceived).call_id))
            caller.wait_for_call(call_id, CallState.ACTIVE)
            phone.forget()
            caller.forget()
            set_clock(clock, offset)
            # Longer than it takes to notice that a server or a peer is gone.
            with pytest.raises(AssertionError):
                caller.wait_for_call(call_id, CallState.DISCONNECTED, timeout_s=5)
            assert not any(isinstance(event, RegistrationChanged) for _, event in phone.events)
            caller.stack.order(HangUpCall(call_id))
            caller.wait_for_call(call_id, CallState.DISCONNECTED)
            # It recovers from a restart of its registrar as before.
            server.restart()
            wait_until(lambda: server.is_registered("alice"), look_s=0.05)


def test_the_clock_of_the_test_is_really_set(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    set_clock(clock, "+10y")
    year = subprocess.run(
        [sys.executable, "-c", "import datetime; print(datetime.datetime.now(datetime.UTC).year)"],
        env={"LD_PRELOAD": str(FAKE_TIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert int(year) - dt.datetime.now(dt.UTC).year in {9, 10}
