"""The whole way of firmware: a running handset takes a bundle, root exchanges what runs, and that says it works."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import pytest

from contract.results import BundleResult, CheckName
from firmware.store.database import load_migrations
from provisioning.report import Report
from tests.lab.installed_box import REGISTRAR, VENV_PYTHON, InstalledBox, wait_until
from tests.lab.root_asker import IN_TIME, RootAsker
from tests.lab.root_machine import OPERATOR, trust
from tests.system.conftest import PROCESSES

pytestmark = pytest.mark.feature("firmware by bundle")

HANDSET = "wecall-handset.service"
LINK = "/opt/wecall/venv"
INSTALLED = "/opt/wecall/environments/installed"

# Lets everybody register.
REGISTRAR_PROGRAM = f"""
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("{REGISTRAR}", 5060))
while True:
    data, peer = server.recvfrom(8192)
    method, *lines = data.decode().split("\\r\\n\\r\\n")[0].split("\\r\\n")
    if method.split()[0] not in ("REGISTER", "OPTIONS"):
        continue
    kept = [line for line in lines if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq", "Contact")]
    kept = [f"{{line}};tag=x" if line.startswith("To:") else line for line in kept]
    server.sendto("\\r\\n".join(["SIP/2.0 200 OK", *kept, "Expires: 300", "Content-Length: 0", "", ""]).encode(), peer)
"""


def installed_firmware(box: InstalledBox, more: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """Pack what is installed as a wheel of another version, with more files."""
    packages = next(box.path(INSTALLED).glob("lib/*/site-packages"))
    described = next(packages.glob("wecall_handset-*.dist-info"))
    version = described.name.removeprefix("wecall_handset-").removesuffix(".dist-info")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for folder in (
            packages / "contract",
            packages / "firmware",
            packages / "drivers",
            packages / "mqtt",
            packages / "provisioning",
            described,
        ):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.suffix != ".pyc":
                    name = str(path.relative_to(packages)).replace(described.name, "wecall_handset-9.9.dist-info")
                    content = path.read_bytes()
                    if path.name == "METADATA":
                        content = content.replace(f"\nVersion: {version}\n".encode(), b"\nVersion: 9.9\n")
                    archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        for name, text in more.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()


@pytest.fixture
def trusting(box: InstalledBox) -> Iterator[str]:
    """Have the handset trust the operator, sound go nowhere, and a registrar answer; return the configuration."""
    before = box.run("cat", "/etc/wecall/config.toml").stdout
    sound = '[sound]\nplayback = "null"\ncapture = "null"\n'
    configuration = before.partition("[sync]")[0] + sound + trust(OPERATOR)
    box.run("install", "-m", "0644", "/dev/stdin", "/opt/registrar.py", stdin=REGISTRAR_PROGRAM)
    box.run(
        "systemd-run", "--quiet", "--unit=registrar", "--property=NetworkNamespacePath=/run/netns/outside",
        VENV_PYTHON, "-I", "/opt/registrar.py",
    )  # fmt: skip
    box.configure(configuration)
    box.run("systemctl", "restart", HANDSET)
    yield configuration
    box.run("systemctl", "stop", "registrar", *PROCESSES)
    RootAsker(box).forget()
    box.run("rm", "-rf", "/var/lib/wecall/provisioning")
    box.run("ln", "-sfn", "environments/installed", LINK)
    box.configure(before)
    box.run("systemctl", "start", *PROCESSES)


def take(box: InstalledBox, configuration: str, firmware: bytes) -> Report:
    """Bring the handset a bundle with firmware as a stick does, and return what became of it."""
    wheel = {"firmware/wecall_handset-9.9-py3-none-any.whl": firmware}
    bundle = OPERATOR.bundle({"config.toml": configuration.encode(), **wheel}, 20, fleet="default", **IN_TIME)
    return box.bring(bundle)


def opens_its_store(box: InstalledBox) -> None:
    wait_until(lambda: "store                open" in box.run("wecall", "status").stdout, "the store is open")


def test_the_handset_itself_takes_firmware_runs_it_and_keeps_it(box: InstalledBox, trusting: str) -> None:
    report = take(box, trusting, installed_firmware(box))
    assert (report.result, report.number, report.firmware) == (BundleResult.APPLIED, 20, "9.9")
    expected = {CheckName.FIRMWARE, CheckName.LINES, CheckName.SOUND, CheckName.MICROPHONE}
    assert {check.name for check in report.checks} == expected
    assert box.run("readlink", LINK).stdout == "environments/a\n"
    assert "environments/a/bin/python" in box.shell(f"tr '\\0' ' ' </proc/{box.main_pid(HANDSET)}/cmdline")
    opens_its_store(box)


def test_the_store_of_a_handset_that_sends_firmware_back_is_as_it_was(box: InstalledBox, trusting: str) -> None:
    later = f"firmware/store/migrations/{len(load_migrations()) + 1:03}_later.sql"
    newer = installed_firmware(box, {later: "CREATE TABLE later (place INTEGER);"})
    report = take(box, trusting.replace('capture = "null"', 'capture = "nowhere"'), newer)
    assert (report.result, report.code) == (BundleResult.REVERTED, CheckName.MICROPHONE)
    assert CheckName.FIRMWARE in {check.name for check in report.checks if check.passed}, "it never ran"
    assert box.run("readlink", LINK).stdout == "environments/installed\n"
    opens_its_store(box)
