"""The page "At your own PBX", as it stands: a fresh Asterisk and two phones, by what its command writes."""

import re
import shlex
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import pytest

from firmware.installer.configuration_text import change_text
from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.news import IncomingCallReceived
from firmware.phone.orders import AnswerCall, HangUpCall, PlaceCall
from firmware.settings.voice import sip_settings
from provisioning.parsing import parse_configuration
from tests.lab.asterisk import Asterisk
from tests.lab.asterisk_root import asterisk_or_skip
from tests.lab.audio import level
from tests.lab.certificates import CertificateAuthority
from tests.lab.installer_desk import BlankHandset, CommandLine, opened
from tests.lab.network import Namespace, VethCable
from tests.lab.patience import wait_until
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine

pytestmark = pytest.mark.feature("PBX")

PAGE: Final = Path(__file__).parents[2] / "docs/pbx.md"
PBX, PHONES = "10.9.0.1", "10.9.0.2"
SERIALS: Final = ("10000000abcd0001", "10000000abcd0002")
WINDOW_S, HEARD = 0.4, 1000.0
OURS_HZ, THEIRS_HZ = 400, 700
Phone = TypeVar("Phone", SipLine, SecondPhone)


def block(kind: str) -> str:
    """Return the page's block of a kind."""
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return str(found)


def set_up(authority: CertificateAuthority) -> list[str]:
    """Do what the page says, in the folder where this runs, up to the bundles.

    Returns:
        The configuration of each phone, with this PBX's address in the place of its name.
    """
    desk = CommandLine()
    desk.did("key", "new", "office.key", "--no-passphrase")
    Path("extensions.csv").write_text(block("csv"))
    Path("pbx-ca.pem").write_bytes(authority.ca_pem)
    program, *arguments = shlex.split(block("sh").replace("pbx.example.com", PBX))
    assert program == "wecall"
    desk.did(*arguments)
    devices, identities, stick = Path("office/phones/devices.csv"), Path("identities"), Path("stick")
    identities.mkdir()
    stick.mkdir()
    handsets = [BlankHandset(serial) for serial in SERIALS]
    for handset in handsets:
        handset.leave_identity(identities)
    desk.did("bundle", "mass", devices, "--from", identities)
    desk.did("bundle", "mass", devices, "--stick", stick, "--key", "office.key", "--to", identities)
    return [taken(handset, stick) for handset in handsets]


def taken(handset: BlankHandset, stick: Path) -> str:
    """Return what a handset makes of its bundle."""
    bundle = opened(stick / f"{handset.serial}.wecall")
    folder = Path(handset.serial, "certificates").absolute()
    folder.mkdir(parents=True)
    (folder / "pbx-ca.pem").write_bytes(bundle.read("certificates/pbx-ca.pem"))
    text = bundle.read("config.toml").decode().replace("certificates/pbx-ca.pem", str(folder / "pbx-ca.pem"))
    password = handset.unseal(bundle)["sip-password"]
    return change_text(text, ((("accounts", 0, "password"), password), (("sip", "local_port"), 0)))


@contextmanager
def pbx(folder: Path, place: Namespace, authority: CertificateAuthority) -> Iterator[Asterisk]:
    certificate = authority.issue("pbx", hosts=(PBX,))
    files = {
        path.name: path.read_text().replace("/etc/asterisk/keys", "/pbx/etc")
        for path in Path("office/asterisk").iterdir()
    }
    with Asterisk(folder / "pbx", {}, place, certificate=certificate, files=files) as asterisk:
        yield asterisk


@contextmanager
def phone(kind: type[Phone], place: Namespace, configuration: str) -> Iterator[Phone]:
    line = kind(sip_settings(parse_configuration(configuration)))
    with place.entered():
        line.start()
    try:
        line.wait_for_registration(RegistrationState.REGISTERED)
        yield line
    finally:
        line.stop()


@pytest.mark.asterisk("set up", "registering")
def test_a_fresh_asterisk_by_the_page_has_calls_both_ways_and_its_echo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asterisk_or_skip()
    monkeypatch.chdir(tmp_path)
    authority = CertificateAuthority(tmp_path / "authority")
    first, second = set_up(authority)
    with (
        Namespace() as there,
        Namespace() as here,
        VethCable(here, there, [f"{PHONES}/24"], [f"{PBX}/24"]),
        pbx(tmp_path, there, authority) as asterisk,
        phone(SipLine, here, first) as ours,
        phone(SecondPhone, here, second) as theirs,
    ):
        ours.say(OURS_HZ)
        theirs.say(THEIRS_HZ)
        for caller, callee, number, name in ((ours, theirs, "202", "Reception"), (theirs, ours, "201", "Workshop")):
            call_id = CallId(uuid.uuid4().hex)
            caller.stack.order(PlaceCall(call_id, SipUri(f"sip:{number}@{PBX}")))
            coming = callee.wait_for(IncomingCallReceived)
            assert coming.caller.display_name == name
            callee.stack.order(AnswerCall(coming.call_id))
            caller.wait_for_call(call_id, CallState.ACTIVE)
            assert "State:InUse" in asterisk.order(f"core show hint {number}")
            for ear, frequency_hz in ((theirs, OURS_HZ), (ours, THEIRS_HZ)):
                wait_until(lambda: level(ear.last_heard(WINDOW_S), frequency_hz) >= HEARD, f"{frequency_hz} Hz")  # noqa: B023 - at once
            caller.stack.order(HangUpCall(call_id))
            callee.wait_for_call(coming.call_id, CallState.DISCONNECTED)
        call_id = CallId(uuid.uuid4().hex)
        ours.stack.order(PlaceCall(call_id, SipUri(f"sip:*43@{PBX}")))
        wait_until(lambda: level(ours.last_heard(WINDOW_S), OURS_HZ) >= HEARD, "its own voice")
