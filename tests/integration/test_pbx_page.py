"""The page "At your own PBX", as it stands: a fresh Asterisk with its files, and two phones with its settings."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import pytest

from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.news import IncomingCallReceived
from firmware.phone.orders import AnswerCall, HangUpCall, PlaceCall
from firmware.settings.voice import sip_settings
from provisioning.parsing import parse_configuration
from tests.lab.asterisk import Asterisk
from tests.lab.asterisk_root import asterisk_or_skip
from tests.lab.audio import level
from tests.lab.certificates import CertificateAuthority
from tests.lab.network import Namespace, VethCable
from tests.lab.patience import wait_until
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine

pytestmark = pytest.mark.feature("PBX")

PAGE: Final = Path(__file__).parents[2] / "docs/pbx.md"
PBX, PHONES = "10.9.0.1", "10.9.0.2"
WINDOW_S, HEARD = 0.4, 1000.0
OURS_HZ, THEIRS_HZ = 400, 700
Phone = TypeVar("Phone", SipLine, SecondPhone)


def block(kind: str, number: int = 0) -> str:
    """Return a block of the page by its kind."""
    blocks: list[str] = re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return blocks[number]


@contextmanager
def pbx(folder: Path, place: Namespace, authority: CertificateAuthority) -> Iterator[Asterisk]:
    certificate = authority.issue("pbx", hosts=(PBX,))
    files = {
        "pjsip.conf": block("ini").replace("/etc/asterisk/keys", "/pbx/etc"),
        "extensions.conf": block("ini", 1),
    }
    with Asterisk(folder / "pbx", {}, place, certificate=certificate, files=files) as asterisk:
        yield asterisk


def written(user: str, authority: CertificateAuthority) -> str:
    """Return the page's settings for an extension, with this PBX's address in the place of its name."""
    settings = block("toml").replace("201", user).replace("pbx.example.com", PBX)
    return '[device]\nid = "a"\nfleet = "b"\n' + settings.replace("certificates/pbx-ca.pem", str(authority.ca_path))


@contextmanager
def phone(kind: type[Phone], place: Namespace, configuration: str) -> Iterator[Phone]:
    line = kind(sip_settings(parse_configuration(f"{configuration}\n[sip]\nlocal_port = 0\n")))
    with place.entered():
        line.start()
    try:
        line.wait_for_registration(RegistrationState.REGISTERED)
        yield line
    finally:
        line.stop()


@pytest.mark.asterisk("set up", "registering")
def test_a_fresh_asterisk_by_the_page_has_calls_both_ways_and_its_echo(tmp_path: Path) -> None:
    asterisk_or_skip()
    authority = CertificateAuthority(tmp_path / "authority")
    with (
        Namespace() as there,
        Namespace() as here,
        VethCable(here, there, [f"{PHONES}/24"], [f"{PBX}/24"]),
        pbx(tmp_path, there, authority),
        phone(SipLine, here, written("201", authority)) as ours,
        phone(SecondPhone, here, written("202", authority)) as theirs,
    ):
        ours.say(OURS_HZ)
        theirs.say(THEIRS_HZ)
        for caller, callee, number in ((ours, theirs, "202"), (theirs, ours, "201")):
            call_id = CallId(uuid.uuid4().hex)
            caller.stack.order(PlaceCall(call_id, SipUri(f"sip:{number}@{PBX}")))
            taken = callee.wait_for(IncomingCallReceived).call_id
            callee.stack.order(AnswerCall(taken))
            caller.wait_for_call(call_id, CallState.ACTIVE)
            for ear, frequency_hz in ((theirs, OURS_HZ), (ours, THEIRS_HZ)):
                wait_until(lambda: level(ear.last_heard(WINDOW_S), frequency_hz) >= HEARD, f"{frequency_hz} Hz")  # noqa: B023 - at once
            caller.stack.order(HangUpCall(call_id))
            callee.wait_for_call(taken, CallState.DISCONNECTED)
        call_id = CallId(uuid.uuid4().hex)
        ours.stack.order(PlaceCall(call_id, SipUri(f"sip:*43@{PBX}")))
        wait_until(lambda: level(ours.last_heard(WINDOW_S), OURS_HZ) >= HEARD, "its own voice")
