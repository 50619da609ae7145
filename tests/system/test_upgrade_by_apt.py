"""A phone that was installed as a package is upgraded from its operator's repository, by real apt, dpkg and systemd.

The package is the real one but for its program, which says that it is ready and does nothing more.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.installed_box import CHECKOUT, wait_until
from tests.lab.systemd_box import SystemdBox
from tools.debian.package import lay_out, pack
from tools.debian.target import MACHINES, Target

ADDRESS = "http://127.0.0.1:8080"
SOURCES = "/etc/apt/sources.list.d/wecall.sources"
HANDSET = "wecall-handset.service"
UPGRADE = "wecall-upgrade.service"
FAKE_TIME = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}/faketime/libfaketime.so.1"

_READY = """
import os, signal, socket

def main():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1\\nWATCHDOG=1", os.environ["NOTIFY_SOCKET"])
    signal.pause()
"""

_SERVER = """
import json, http.server

class Site(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        with open("/opt/asked", "a") as log:
            print(json.dumps([self.path, dict(self.headers)]), file=log)
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/moved"))
            self.end_headers()
        else:
            super().do_GET()

http.server.ThreadingHTTPServer(("127.0.0.1", 8080), lambda *words: Site(*words, directory="/opt/web")).serve_forever()
"""


@dataclass
class Operator:
    """Whoever makes packages and repositories.

    Attributes:
        folder: of packages and keys.
    """

    folder: Path

    def package(self, version: str) -> Path:
        """Build the package of a version."""
        architecture = next(name for name, machine in MACHINES.items() if machine == os.uname().machine)
        wheel = self.folder / "phone-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("firmware/cli.py", _READY)
            for service in ("root", "root/update"):
                archive.writestr(f"firmware/setup/{service}/__main__.py", "from firmware.cli import main\n\nmain()\n")
        root = self.folder / version
        target = Target(architecture, sys.version_info[:2], "/usr/bin/python3")
        lay_out(root, target, [wheel])
        return pack(root, target, version, "none", self.folder)

    def publish(
        self, *packages: Path, key: str = "key.asc", days_off: int = 0, address: str = ADDRESS
    ) -> tuple[Path, str]:
        """Make a repository of these packages.

        Args:
            *packages: what is in it.
            key: the name of the file of its key.
            days_off: how far the operator's clock is off.
            address: where phones find it.

        Returns:
            Its folder, and what a phone's wecall.sources says.
        """
        folder = self.folder / "web"
        shutil.rmtree(folder, ignore_errors=True)
        clock = {"LD_PRELOAD": FAKE_TIME, "FAKETIME": f"{days_off:+}d"} if days_off else {}
        done = subprocess.run(
            [CHECKOUT / "tools/repository", folder, address, self.folder / key, *packages],
            env={**os.environ, **clock},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return folder, done.stdout


@dataclass
class Phone:
    """A system with the package 1.0 on it, and a web server that has the operator's repository."""

    box: SystemdBox

    def is_told(self, published: tuple[Path, str]) -> None:
        """Put a repository on the server, and tell the phone of it, which knew of none."""
        self.box.run("rm", "-rf", "/var/lib/wecall-upgrade", "/var/cache/wecall-upgrade")
        shutil.rmtree(self.box.path("/opt/web"), ignore_errors=True)
        shutil.copytree(published[0], self.box.path("/opt/web"))
        self.box.path(SOURCES).write_text(published[1])

    def upgrade(self) -> str:
        """Run the night's service, and return what it complained of; "" where it was content."""
        began = self.now()
        done = self.box.run("systemctl", "start", UPGRADE, check=False)
        return self.journal(began) if done.returncode else ""

    @property
    def version(self) -> str:
        """The package's version; "" where it is not installed whole."""
        said = self.box.run(
            "dpkg-query", "--showformat=${db:Status-Status} ${Version}", "--show", "wecall-handset"
        ).stdout
        return said.removeprefix("installed ") if said.startswith("installed ") else ""

    def now(self) -> str:
        return self.box.run("date", "+@%s.%N").stdout.strip()

    def journal(self, since: str) -> str:
        """Return what the night's service said from a time on."""
        return self.box.run("journalctl", "--no-pager", "--output=cat", "--unit", UPGRADE, "--since", since).stdout


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    return Operator(tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def phone(operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    box = SystemdBox(tmp_path_factory.mktemp("box"), {})
    box.start()
    try:
        # Its rules want the real program.
        box.shell("rm -f /usr/sbin/nft")
        box.path("/opt/server.py").write_text(_SERVER)
        shutil.copy(operator.package("1.0"), box.path("/opt/wecall-handset.deb"))
        box.run("dpkg", "--install", "/opt/wecall-handset.deb", timeout_s=300)
        box.run("systemd-run", "--unit=site", "python3", "/opt/server.py")
        yield Phone(box)
    finally:
        box.stop()


@pytest.fixture(scope="module")
def newer(operator: Operator) -> Path:
    return operator.package("1.1")


def test_it_looks_each_night_and_does_nothing_where_nobody_named_a_repository(phone: Phone) -> None:
    assert phone.box.run("systemctl", "is-active", "wecall-upgrade.timer").stdout.strip() == "active"
    assert phone.upgrade() == ""
    assert phone.box.property_of(UPGRADE, "ConditionResult") == "no"


def test_a_card_is_not_upgraded_by_apt(phone: Phone, operator: Operator, newer: Path) -> None:
    phone.is_told(operator.publish(newer))
    phone.box.shell("mkdir -p /usr/lib/wecall && touch /usr/lib/wecall/image.json")
    assert phone.upgrade() == ""
    assert phone.box.property_of(UPGRADE, "ConditionResult") == "no"
    phone.box.run("rm", "/usr/lib/wecall/image.json")
    assert phone.version == "1.0"


def unsigned(folder: Path) -> None:
    signed = folder / "dists/stable/InRelease"
    text = signed.read_text()
    signed.with_name("Release").write_text(text.partition("\n\n")[2].partition("-----BEGIN PGP SIGNATURE")[0])
    signed.unlink()


def resigned_text(folder: Path) -> None:
    signed = folder / "dists/stable/InRelease"
    signed.write_text(signed.read_text().replace("Origin: WeCall", "Origin: Wecall"))


def other_list(folder: Path) -> None:
    for file in folder.glob("dists/stable/main/*/**/*"):
        if file.is_file():
            file.write_text(file.read_text().replace("Maintainer: WeCall", "Maintainer: Wecall"))


def other_package(folder: Path) -> None:
    (package,) = folder.glob("pool/*.deb")
    content = package.read_bytes()
    package.write_bytes(content[:-600] + bytes([content[-600] ^ 1]) + content[-599:])


def torn_package(folder: Path) -> None:
    (package,) = folder.glob("pool/*.deb")
    os.truncate(package, package.stat().st_size // 2)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (unsigned, "is not signed"),
        (resigned_text, "Message has been manipulated"),
        (other_list, "Hash Sum mismatch"),
        (other_package, "Hash Sum mismatch"),
        (torn_package, "unexpected size"),
    ],
)
def test_what_the_operator_has_not_signed_is_refused(
    phone: Phone, operator: Operator, newer: Path, spoil: Callable[[Path], None], complaint: str
) -> None:
    published = operator.publish(newer)
    spoil(published[0])
    phone.is_told(published)
    assert complaint in phone.upgrade()
    assert phone.version == "1.0"


def test_another_key_is_refused(phone: Phone, operator: Operator, newer: Path) -> None:
    _, known = operator.publish(newer)
    folder, _ = operator.publish(newer, key="other.asc")
    phone.is_told((folder, known))
    assert "Missing key" in phone.upgrade()
    assert phone.version == "1.0"


@pytest.mark.parametrize(("days_off", "complaint"), [(-100, "is expired"), (10, "Not live until")])
def test_a_repository_that_is_over_its_date_or_from_the_future_is_refused(
    phone: Phone, operator: Operator, newer: Path, days_off: int, complaint: str
) -> None:
    phone.is_told(operator.publish(newer, key=f"{days_off}.asc", days_off=days_off))
    assert complaint in phone.upgrade()
    assert phone.version == "1.0"


def test_a_server_that_sends_elsewhere_is_not_followed(phone: Phone, operator: Operator, newer: Path) -> None:
    phone.is_told(operator.publish(newer, address=f"{ADDRESS}/moved"))
    assert "302  Found" in phone.upgrade()
    assert phone.version == "1.0"


def test_nothing_is_downgraded_whatever_is_pinned(phone: Phone, operator: Operator) -> None:
    phone.is_told(operator.publish(operator.package("0.9")))
    pin = "Package: *\nPin: origin 127.0.0.1\nPin-Priority: 1001\n"
    phone.box.path("/etc/apt/preferences.d/pin").write_text(pin)
    assert phone.upgrade() == ""
    phone.box.run("rm", "/etc/apt/preferences.d/pin")
    assert phone.version == "1.0"


def test_a_newer_package_comes_once_nobody_talks_and_each_phone_asks_the_same(
    phone: Phone, operator: Operator, newer: Path
) -> None:
    box = phone.box
    lists = "ls -lR /var/lib/apt/lists /var/cache/apt | sha256sum"
    before = box.shell(lists)
    ran = box.property_of(HANDSET, "InvocationID")
    box.run("sh", "-c", "echo '# edited' >>/etc/wecall/config.toml")
    phone.is_told(operator.publish(newer))
    box.path("/opt/asked").write_text("")
    box.run("touch", "/run/wecall/in-call")
    began = phone.now()
    box.run("systemctl", "start", "--no-block", UPGRADE)
    wait_until(lambda: "waiting for the end of the call" in phone.journal(began), "it waits")
    asked = [json.loads(line) for line in box.path("/opt/asked").read_text().splitlines()]
    # It is fetched meanwhile, and nothing of it is there yet.
    assert any(path.endswith(".deb") for path, _ in asked)
    assert phone.version == "1.0"
    assert box.property_of(HANDSET, "InvocationID") == ran

    box.run("rm", "/run/wecall/in-call")
    wait_until(lambda: phone.version == "1.1", "it is upgraded", 60)
    wait_until(lambda: box.property_of(UPGRADE, "ActiveState") == "inactive", "it is done")
    assert box.property_of(HANDSET, "InvocationID") not in {"", ran}
    assert box.property_of(HANDSET, "ActiveState") == "active"
    assert box.shell("tail -n 1 /etc/wecall/config.toml").strip() == "# edited"
    # No other source was asked, nor its lists touched: the box has no network, and `update` would have failed.
    assert box.shell(lists) == before
    assert {headers["User-Agent"] for _, headers in asked} == {"wecall"}
    assert {name for _, headers in asked for name in headers} <= {
        "Host", "User-Agent", "Accept", "Cache-Control", "If-Modified-Since", "Connection", "Range",
    }  # fmt: skip


def test_what_a_power_cut_interrupted_goes_on_without_a_network_at_the_next_start(
    phone: Phone, operator: Operator
) -> None:
    box = phone.box
    ran = box.property_of(HANDSET, "InvocationID")
    phone.is_told(operator.publish(operator.package("1.2")))
    # Somebody lifts the handset as dpkg begins.
    hook = box.path("/etc/apt/apt.conf.d/99call")
    hook.write_text('DPkg::Pre-Install-Pkgs { "touch /run/wecall/in-call"; };\n')
    began = phone.now()
    box.run("systemctl", "start", "--no-block", UPGRADE)
    wait_until(lambda: "waiting for the end of the call" in phone.journal(began), "dpkg waits", 60)
    assert (phone.version, box.property_of(HANDSET, "InvocationID")) == ("", ran)
    box.run("systemctl", "kill", "--kill-whom=all", "--signal=KILL", UPGRADE)
    wait_until(lambda: box.property_of(UPGRADE, "ActiveState") == "failed", "it is cut off")
    hook.unlink()
    box.run("rm", "/run/wecall/in-call")
    box.run("systemctl", "stop", "site.service")
    box.run("systemctl", "start", "wecall-upgrade-finish.service")
    wait_until(lambda: phone.version == "1.2", "it is finished", 60)
    wait_until(lambda: box.property_of(UPGRADE, "ActiveState") == "inactive", "it is done", 60)
    assert not box.path("/var/lib/wecall-upgrade/unfinished").exists()
    assert box.property_of(HANDSET, "InvocationID") not in {"", ran}
