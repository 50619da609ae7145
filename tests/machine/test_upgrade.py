"""A phone of an earlier version becomes this one by its package alone, and keeps all that is its holder's.

In a booted box and not in the emulated machine: neither needs a kernel of its own. The tests follow one another.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest

from contract.results import BundleResult, CheckName, OutcomeCode
from tests.lab.handset_package import (
    build_package,
    earlier_package,
    earlier_python,
    why_no_earlier_package,
)
from tests.lab.installed_box import INSIDE, REGISTRAR, InstalledBox, wait_until
from tests.lab.kamailio import Kamailio
from tests.lab.network import Namespace
from tests.lab.root_asker import IN_TIME
from tests.lab.root_machine import OPERATOR, trust
from tests.lab.scripted_peer import ScriptedPeer, sdp

EARLIER: Final = "266d29e"
"""A commit of 0.1.0, whose handset has SIP and sound in its own process."""

_WHY_NOT = why_no_earlier_package(EARLIER)
pytestmark = [
    pytest.mark.skipif(
        os.environ.get("WECALL_MACHINE") != "amd64", reason="It is of this computer's kind: `make machine` runs it."
    ),
    pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT),
]

EARLIER_PYTHON: Final = "/opt/earlier-python"
EARLIER_PACKAGE: Final = "/opt/earlier-package"
PACKAGE: Final = "/opt/package"

HANDSET: Final = "wecall-handset.service"
VOICE: Final = "wecall-voice.service"
PROCESSES: Final = (HANDSET, VOICE, "wecall-sync.service")

USER: Final = "1001"
PASSWORD: Final = "a password that nobody logs"
DOMAIN: Final = "sip.example.com"
CALLER: Final = "2345"
NAME: Final = "Anna"
CONSENTS: Final = ("recording", "cdr_sync", "contact_import")

# Nothing listens at the discard port: who registers does so by the bundle.
CONFIGURATION: Final = f"""
version = 1

[device]
id = "handset-1"
country = "DE"

[[accounts]]
username = "{USER}"
domain = "{DOMAIN}"
server = "{REGISTRAR}"
port = 9
transport = "udp"
password = "{PASSWORD}"

[sound]
playback = "null"
capture = "null"

[ringer]
playback = "null"
{trust(OPERATOR)}"""

_EARLIER_HAND_OVER: Final = """
from firmware.control.requests import MAX_PIECE_BYTES
from firmware.errors import ControlError

async def hand_over(link, bundle):
    name = await link.begin(len(bundle))
    for at in range(0, len(bundle), MAX_PIECE_BYTES):
        await link.piece(name, bundle[at : at + MAX_PIECE_BYTES])
    await link.end(name)
    return name
"""
"""What `HAND_OVER` does, in the words of the earlier phone."""

_EARLIER_IMPORTS: Final = """
from firmware.media.sound_format import best_format, joined, make_encoder
from firmware.storage.call_log import Clocks
from firmware.storage.contacts import StoredContacts
from firmware.storage.key import load_host_keys
from firmware.storage.keyring import WRAP_NAME, Keyring
from firmware.storage.recordings import RoomLimits, StoredRecordings
from firmware.storage.store import Store
"""

_IMPORTS: Final = """
from firmware.store.call_log import Clocks
from firmware.store.contacts import StoredContacts
from firmware.store.key_wrap import load_host_keys
from firmware.store.keyring import WRAP_NAME, Keyring
from firmware.store.recordings import RoomLimits, StoredRecordings
from firmware.store.store import Store
from firmware.voice.audio.sound_format import best_format, joined, make_encoder
"""

_RECORDINGS: Final = """
import asyncio, hashlib, json, time
from pathlib import Path
from firmware.phone.call import CallId

async def record(recordings):
    encoder = make_encoder(best_format(), 30_000)
    recording_id, writer = await recordings.begin(CallId("c" * 32), "2345", "", best_format())
    writer.write(encoder.head(), 0)
    writer.write(encoder.encode(bytes(range(256)) * 250, is_last=True), 16_000)
    writer.finish()
    await recordings.end(recording_id, complete=True, lost_s=0)

async def digest(recordings, recording):
    return hashlib.sha256(b"".join(await recordings.read_ogg(recording.recording_id))).hexdigest()

async def main(begins):
    state = Path("/var/lib/wecall")
    path = state / "store.db"
    keyring = Keyring(state / WRAP_NAME, path, load_host_keys(state / "store.key", path))
    store = Store(path, None, heartbeat=lambda: None)
    await keyring.open(store)
    clocks = Clocks(time.time, time.monotonic, lambda: True, "a boot")
    contacts, limits = StoredContacts(store, "DE"), RoomLimits(1 << 30, 0)
    recordings = StoredRecordings(store, contacts, state, clocks=clocks, limits=limits, joined=joined)
    if begins:
        await record(recordings)
    listed = (await recordings.listed(0, 100))[1]
    print(json.dumps([[each.number, each.duration_s, await digest(recordings, each)] for each in listed]))
    await store.stop()

asyncio.run(main(BEGINS))
"""
"""Makes a recording, or does not, and prints all that there are; works with the imports of either version."""


class UpgradedPhone:
    """A booted box with the earlier package in it, an operator's registrar at the end of its cable, and a holder."""

    def __init__(self, box: InstalledBox, network: Namespace, registrar: Kamailio) -> None:
        """Set up; `network` is the one at the other end of the cable."""
        self.box = box
        self._network = network
        self._registrar = registrar
        self._imports = ""

    def install(self, folder: str, imports: str) -> None:
        """Install the package in a folder, as an administrator does; `imports` are how `_RECORDINGS` begins in it."""
        self._imports = imports
        self.box.shell(f"dpkg --force-unsafe-io --install {folder}/*.deb", timeout_s=300)
        self.opens_its_store()

    def opens_its_store(self) -> None:
        wait_until(
            lambda: re.search(r"^store +open", self.box.run("wecall", "status", check=False).stdout, re.MULTILINE),
            "the store is open",
        )

    def bundle(self, number: int) -> bytes:
        """Return a bundle that has the phone register."""
        settings = CONFIGURATION.replace("port = 9", f"port = {self._registrar.udp_port}")
        return OPERATOR.bundle({"config.toml": settings.encode()}, number, fleet="default", **IN_TIME)

    def is_registered_by(self, unit: str) -> bool:
        """Say whether calls to the phone come out at a unit's process."""
        ports = re.findall(rf"@{re.escape(INSIDE)}:([0-9]+)", " ".join(self._registrar.contacts(USER)))
        owner = f"pid={self.box.main_pid(unit)},"
        return any(owner in self.box.run("ss", "-Hulnp", f"sport = :{port}").stdout for port in ports)

    def page(self) -> str:
        """Return what the display says, in one line."""
        return " ".join(self.box.run("wecall", "status", "--page").stdout.split())

    def is_called(self) -> None:
        """Call the phone, which rings, and give up."""
        before = len(self.calls())
        with (
            self._network.entered(),
            ScriptedPeer(
                self._registrar.udp_port, CALLER, address=REGISTRAR, server=REGISTRAR, domain=DOMAIN
            ) as caller,
        ):
            caller.invite(USER, body=sdp(address=REGISTRAR))
            caller.receive(180)
            caller.cancel()
            caller.acknowledge(caller.receive(487))
        wait_until(lambda: len(self.calls()) > before, "the call is kept")

    def calls(self) -> list[dict[str, Any]]:
        """Return the log, newest first, in the words of both versions."""
        calls = json.loads(self.box.run("wecall", "log", "--json").stdout)
        return [{name: call[name] for name in ("started_at", "direction", "number", "name")} for call in calls]

    def recordings(self, *, begins: bool = False) -> object:
        """Return what is recorded, by a store that the handset has closed meanwhile; begin by recording something."""
        self.box.run("systemctl", "stop", HANDSET)
        # The unit starts in the handset's folder, which went with it.
        self.box.run("install", "-d", "-o", "wecall", "-g", "wecall", "/run/wecall")
        said = self.box.probe(HANDSET, self._imports + _RECORDINGS.replace("BEGINS", str(begins)))
        self.box.run("systemctl", "start", HANDSET)
        self.opens_its_store()
        return json.loads(said)

    def kept(self) -> dict[str, object]:
        """Return what the phone has of its holder's and its operator's, as it tells that itself."""
        words = (("consent", "list"), ("ledger", "verify"), ("contacts", "list"), ("config", "history"))
        told = {" ".join(each): self.box.run("wecall", *each).stdout for each in words}
        # What a purpose covers is said in other words.
        told["consent list"] = re.sub(r"(granted|asked) .*", r"\1", told["consent list"])
        return {**told, "calls": self.calls(), "recordings": self.recordings()}


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpgradedPhone]:
    scratch = tmp_path_factory.mktemp("upgrade")
    shown = {
        EARLIER_PYTHON: earlier_python(),
        EARLIER_PACKAGE: earlier_package(EARLIER, EARLIER_PYTHON).parent,
        PACKAGE: build_package(scratch / "package").parent,
    }
    box = InstalledBox(scratch, shown)
    with ExitStack() as stack:
        box.start()
        stack.callback(box.stop)
        box.shell(f"echo {EARLIER_PYTHON}/lib >/etc/ld.so.conf.d/earlier-python.conf && ldconfig")
        box.run("install", "-D", "-m", "0644", "/dev/stdin", "/etc/wecall/config.toml", stdin=CONFIGURATION)
        box.add_outside()
        network = stack.enter_context(box.outside)
        registrar = stack.enter_context(
            Kamailio(scratch / "registrar", {USER: PASSWORD}, domain=DOMAIN, addresses=(REGISTRAR,), namespace=network)
        )
        yield UpgradedPhone(box, network, registrar)


@pytest.fixture(scope="module")
def before(phone: UpgradedPhone) -> dict[str, object]:
    """What the phone has when its operator has set it up and its holder has used it."""
    phone.install(EARLIER_PACKAGE, _EARLIER_IMPORTS)
    report = phone.box.bring(phone.bundle(7), _EARLIER_HAND_OVER)
    assert (report.result, report.firmware) == (BundleResult.APPLIED, "0.1.0")
    assert CheckName.LINES in {check.name for check in report.checks if check.passed}
    phone.opens_its_store()
    for purpose in CONSENTS:
        phone.box.run("wecall", "consent", "grant", purpose)
    phone.box.run("wecall", "contacts", "add", NAME, CALLER)
    wait_until(lambda: phone.is_registered_by(HANDSET), "the phone is registered")
    phone.is_called()
    assert phone.recordings(begins=True)
    return phone.kept()


def test_the_package_has_voice_register_and_keeps_all_that_was_there(
    phone: UpgradedPhone, before: dict[str, object]
) -> None:
    phone.install(PACKAGE, _IMPORTS)
    version = phone.box.run("dpkg-query", "--show", "--showformat=${Version}", "wecall-handset").stdout
    assert version != "0.1.0"
    assert phone.box.run("wecall", "--version").stdout.startswith(f"wecall, version {version}")
    wait_until(lambda: phone.is_registered_by(VOICE), "voice has registered the phone")
    for wish, said in (("is-active", "active"), ("is-enabled", "enabled")):
        assert phone.box.run("systemctl", wish, *PROCESSES).stdout.split() == [said] * len(PROCESSES)
    assert phone.kept() == before
    wait_until(lambda: phone.is_registered_by(VOICE), "voice serves the handset that has started anew")
    phone.is_called()
    assert phone.calls()[0]["name"] == NAME
    assert phone.box.run("ls", "/opt/wecall").stdout.split() == ["lib", "share", "venv"]
    assert phone.box.run("ls", "/opt/wecall/venv/lib").stdout.split() == [
        f"python{sys.version_info.major}.{sys.version_info.minor}"
    ]


def test_the_key_that_the_earlier_phone_trusts_counts_on_and_its_firmware_does_not(phone: UpgradedPhone) -> None:
    contents = {"config.toml": CONFIGURATION.encode()}
    old = OPERATOR.bundle_with_firmware(contents, 8, fleet="default", **IN_TIME)
    report = phone.box.bring(old)
    assert (report.result, report.code) == (BundleResult.REFUSED, OutcomeCode.FIRMWARE_SUPERSEDED)
    # The page of the call that has ended stands before it for some seconds.
    wait_until(lambda: "apt updates this phone" in phone.page(), "the display says who updates the phone")
    report = phone.box.bring(phone.bundle(8))
    assert report.result is BundleResult.APPLIED
