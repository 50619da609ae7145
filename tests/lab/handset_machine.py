"""A virtual machine with the handset's package on it, an installer with sticks, and an operator's registrar."""

import abc
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from packaging.requirements import Requirement

from provisioning.identity import Identity
from provisioning.report import Report
from provisioning.sealing import seal_to_device
from tests.lab.borrowed_root import BorrowedRoot
from tests.lab.bundles import Installer
from tests.lab.card_root import CardRoot
from tests.lab.debian_kernel import amd64_kernel
from tests.lab.gpio_rig import GROUND, GpioRig
from tests.lab.handset_package import build_package
from tests.lab.installed_box import PYTHON, VENV_PYTHON
from tests.lab.kamailio import Kamailio
from tests.lab.machine_caller import EXTENSION, MachineCaller
from tests.lab.network import Namespace
from tests.lab.sip_flood import FloodTransport, SipFlood
from tests.lab.usb_stick import UsbStick
from tests.lab.virtual_machine import ADDRESS, HOST, Computer, VirtualMachine, lay_cable
from tools.debian.target import Target

T = TypeVar("T")

SERIAL: Final = "100000001234abcd"
FLEET: Final = "office"
DOMAIN: Final = "sip.example.com"
USER: Final = "1001"
PASSWORD: Final = "a password that nobody logs"
INSTALLER: Final = Installer()
STRANGER: Final = "10.0.2.3"
"""Somebody on the same network who is no server of the handset's."""

_SERVICE: Final = "wecall-handset.service"
_VOICE: Final = "wecall-voice.service"
# One of the eight lines that its board has.
_HOOK: Final = 4
_CHECKOUT: Final = Path(__file__).parents[2]
_PACKAGES: Final = "/opt/packages"
_PATIENCE_S: Final = 120.0
# An emulated processor of another kind is several times slower.
_CARD_PATIENCE_S: Final = 600.0

_CONFIGURATION: Final = f"""
version = 1

[device]
id = "handset-1"
fleet = "{FLEET}"
country = "GB"

[[accounts]]
username = "{USER}"
domain = "{DOMAIN}"
server = "{HOST}"
port = PORT
transport = "udp"
PASSWORD

# What a flood has let ring is soon over.
[sip]
no_answer_s = 20

[calls]
auto_answer = true
auto_answer_from = ["{EXTENSION}"]

# What is played to one of the card's two devices is captured from the other, each substream by itself. Tones are no
# speech: whatever cleans speech would take them away.
[sound]
playback = "plughw:CARD=Loopback,DEV=0,SUBDEV=0"
capture = "plughw:CARD=Loopback,DEV=1,SUBDEV=1"
echo_cancelling = "never"
noise_suppression = "never"
gain_control = "never"

[ringer]
playback = "plughw:CARD=Loopback,DEV=0,SUBDEV=2"

[[trust.keys]]
public = "{INSTALLER.trusted.public}"
signs = ["bundle"]
"""


# Nobody on the cable hands addresses out.
CABLE: Final = f"""
systemctl start NetworkManager
nmcli connection add type ethernet con-name cable ifname '*' ipv4.method manual ipv4.addresses {ADDRESS}/24 \\
  ipv4.gateway {HOST} ipv6.method disabled connection.autoconnect-priority 10
nmcli --wait 60 connection up cable
"""

# The stub has panels at the addresses that the drivers' defaults name; Debian builds it for PCs only.
_DEVICES: Final = """
modprobe -a i2c-dev snd-aloop
modprobe i2c-stub chip_addr=0x3c,0x27 || true
mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
"""

_TEST_PACKAGES: Final = ("aiohttp", "hypothesis", "pytest", "pytest-asyncio", "pytest-timeout", "pytest-xdist")

# Asks again and again by itself: starting `wecall` takes an emulated machine seconds.
_WATCH: Final = """
import sys, time
from pathlib import Path
from firmware.control.client import ask
from firmware.control.admin_requests import PageRequest
from firmware.control.requests import Role
from firmware.base.errors import ControlError
end, said = time.monotonic() + float(sys.argv[1]), ""
while time.monotonic() < end and not all(words in said for words in sys.argv[2:]):
    time.sleep(0.2)
    try:
        said = " ".join(" ".join(ask(Path("/run/wecall"), Role.ADMIN, PageRequest())["lines"]).split())
    except ControlError as error:
        said = str(error)
print(said)
"""


class HandsetMachine(abc.ABC):
    """The machine, from being made to being set up by sticks.

    Attributes:
        architecture: Debian's name for its kind.
        registrar: the operator's.
        took_s: how long each part took, for whoever wants to know.
        figures: what calls have shown, by what they were.
    """

    architecture: str
    _pins = ""
    """Tables of the configuration that say what hangs on its pins."""
    _patience_s = _PATIENCE_S

    def __init__(self, scratch: Path) -> None:
        self.took_s: dict[str, float] = {}
        self.figures: dict[str, object] = {}
        self._scratch = scratch
        self._namespace = Namespace()
        self.registrar = Kamailio(
            scratch / "registrar", {USER: PASSWORD}, domain=DOMAIN, addresses=(HOST,), namespace=self._namespace
        )
        self._machine = VirtualMachine(scratch, self._computer(), self._namespace)
        self._sticks = 0
        self.run = self._machine.run
        self.shell = self._machine.shell

    def start(self) -> None:
        """Boot, and let the handset run with a configuration that reaches no registrar."""
        self._namespace.start()
        lay_cable(self._namespace, STRANGER)
        self.registrar.start()
        self._timed("boot", self._machine.start)
        # An emulated clock may start anywhere, and a bundle's time is judged by it.
        self.run("date", "--set", f"@{time.time():.0f}")
        self.run("modprobe", "snd-aloop")
        self._machine.write("/etc/wecall/serial", SERIAL)
        # Nothing listens at the discard port.
        self._machine.write("/etc/wecall/config.toml", self._configuration(9, PASSWORD))
        self._have_the_handset_run()

    def stop(self) -> None:
        self._machine.stop()
        self.registrar.stop()
        self._namespace.stop()

    @abc.abstractmethod
    def _computer(self) -> Computer: ...

    @abc.abstractmethod
    def _have_the_handset_run(self) -> None: ...

    @property
    def log(self) -> str:
        """What the handset and those who look at sticks have said."""
        return self.run(
            "journalctl",
            "--no-pager",
            "--output=short-monotonic",
            "--unit=wecall-handset.service",
            "--unit=wecall-[!sf]*",
            "--unit=wecall-stick@*",
        ).stdout

    @contextmanager
    def without_handset(self) -> Iterator[None]:
        """Stop handset and voice for a while, so that their devices are free, and bring those that tests run on."""
        self.run("systemctl", "stop", _SERVICE, _VOICE, timeout_s=self._patience_s)
        self.shell(_DEVICES)
        yield
        self.run("systemctl", "start", _SERVICE, _VOICE, timeout_s=self._patience_s)

    @property
    def has_pins(self) -> bool:
        """Whether it has GPIO lines, and its handset a hook switch on one of them."""
        return False

    @property
    def has_panels(self) -> bool:
        """Whether displays can be written to."""
        return True

    def lift(self) -> None:
        """Lift the handset, where there are pins."""
        raise NotImplementedError

    def put_down(self) -> None:
        """Put it back, where it was lifted."""
        assert not self.has_pins

    @property
    def is_free(self) -> bool:
        """Whether nobody uses the handset: there is no call, and it shows where calls begin."""
        said = self.run("wecall", "status", check=False).stdout
        return bool(re.search(r"^mode +(idle|unprovisioned|menu)$", said, re.MULTILINE))

    def run_tests(self, *words: str) -> str:
        """Run tests of this checkout inside, and return what pytest said."""
        pytest = ("-m", "pytest", "-p", "no:cacheprovider", "-q", "--timeout", "600", f"--rootdir={self._checkout}")
        command = " ".join(shlex.quote(word) for word in (*self._test_python, *pytest, *words))
        return self.shell(f"cd {self._checkout} && {command} 2>&1", check=False, timeout_s=1800)

    @property
    def _checkout(self) -> str:
        """Where the checkout is seen inside."""
        return str(_CHECKOUT)

    @property
    def _test_python(self) -> tuple[str, ...]:
        """What runs a Python that has pytest, inside."""
        return ("env", "PYTHONDONTWRITEBYTECODE=1", "LG_WD=/tmp", str(_CHECKOUT / ".venv/bin/python"))

    @property
    def pids(self) -> tuple[str, ...]:
        """The processes of handset and voice."""
        return tuple(self.run("systemctl", "show", "--property=MainPID", "--value", _SERVICE, _VOICE).stdout.split())

    @property
    def memory_kib(self) -> int:
        """What voice's process has in memory."""
        return int(self.run("grep", "VmRSS", f"/proc/{self.pids[1]}/status").stdout.split()[1])

    def register(self) -> None:
        """Have the handset register, unless it has: by its administrator's configuration."""
        if self.registrar.is_registered(USER):
            return
        self._machine.write("/etc/wecall/config.toml", self._configuration(self.registrar.udp_port, PASSWORD))
        self._timed("restart to be registered", self._restart_until_registered)

    def _restart_until_registered(self) -> None:
        # The notice that systemd waits for comes when the handset is ready, which may be later than its registration.
        self.run("systemctl", "restart", "--no-block", _SERVICE)
        self.wait_until(lambda: self.registrar.is_registered(USER), "the handset is registered")

    def new_caller(self) -> MachineCaller:
        """Return somebody who calls the handset."""
        return MachineCaller(self._namespace, self.registrar, USER)

    def flood(self, source: str, transport: FloodTransport, *, rate_per_s: int, count: int) -> SipFlood:
        """Return a flood of INVITEs to where the handset has registered."""
        found = re.search(rf"{re.escape(ADDRESS)}:([0-9]+)", " ".join(self.registrar.contacts(USER)))
        assert found, self.registrar.contacts(USER)
        return SipFlood(
            self._scratch / f"flood-{source}",
            int(found[1]),
            transport,
            source=source,
            rate_per_s=rate_per_s,
            count=count,
            target=ADDRESS,
            callee=f"{USER}@{DOMAIN}",
            namespace=self._namespace,
        )

    def write_figures(self) -> None:
        """Write what calls have shown, and how long everything took, to build/."""
        took = {f"{name}, s": round(value, 1) for name, value in self.took_s.items()}
        written = _CHECKOUT / "build" / f"machine-{self.architecture}-calls.json"
        written.write_text(json.dumps({**took, **self.figures}, indent=2))

    def page(self) -> str:
        """Return what the display says."""
        return self.run("wecall", "status", "--page", check=False).stdout

    def reads(self, *words: str) -> None:
        """Wait until the display says all this at once, and `wecall status --page` so."""
        watched = self.run(
            VENV_PYTHON,
            "-I",
            "-c",
            _WATCH,
            str(self._patience_s),
            *words,
            check=False,
            timeout_s=self._patience_s + 60,
        )
        said = " ".join(self.page().split())
        missing = [each for each in words if each not in said]
        assert not missing, f"The display does not say {missing}, but:\n{watched.stdout}\n{said}\n{self.log[-5000:]}"

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that the machine does in its own time.

        Raises:
            AssertionError: it did not come about.
        """
        deadline = time.monotonic() + self._patience_s
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain until {what}. The display:\n{self.page()}\n{self.log[-5000:]}")
            time.sleep(0.2)

    def new_stick(self, files: Mapping[str, bytes] | None = None) -> UsbStick:
        """Return a stick with these files on it."""
        self._sticks += 1
        stick = UsbStick(self._scratch / f"stick-{self._sticks}.img")
        for name, content in (files or {}).items():
            stick.write(name, content)
        return stick

    def plug_in(self, stick: UsbStick) -> None:
        """Plug a stick in."""
        self._machine.plug_in(stick.image)

    def pull_out(self) -> None:
        """Pull the stick out, and wait as long as somebody needs to plug another one in."""
        self._machine.pull_out()
        self.shell("while systemctl is-active --quiet 'wecall-stick@*'; do sleep 0.2; done")
        self.shell("while systemctl list-jobs --no-legend | grep -q wecall-stick@; do sleep 0.2; done")

    def visit(self, stick: UsbStick, words: str) -> None:
        """Plug a stick in, wait until the display says this and that it may be taken out, and do so."""
        self.plug_in(stick)
        self.reads(words, "Take the stick out.")
        self.pull_out()

    def bundle(
        self, number: int, identity: Identity, more: Mapping[str, bytes] | None = None, **manifest: Any
    ) -> bytes:
        """Return a bundle that sets the handset up at the registrar, with more in it; keywords change its manifest."""
        now = datetime.now(UTC)
        contents = {
            **(more or {}),
            "config.toml": self._configuration(self.registrar.udp_port, "").encode(),
            f"sealed/{identity.serial}": seal_to_device(
                {"sip-password": PASSWORD}, identity.public_bytes, serial=identity.serial
            ),
        }
        times = {"issued_at": now - timedelta(days=2), "not_after": now + timedelta(days=1)}
        return INSTALLER.bundle(contents, number, **{"fleet": FLEET, **times, **manifest})

    def write_times(self) -> None:
        """Write how long everything took, and what was said meanwhile, to build/: an emulated machine is no judge.

        From the kernel's word that it has the last stick to the handset's that it may be taken out is `stick_s`.
        """
        said = self.run("journalctl", "--no-pager", "--output=short-monotonic").stdout
        (*_, seen) = re.finditer(r"^\[ *([0-9.]+)\].* Attached SCSI removable disk$", said, re.MULTILINE)
        done = re.search(r"^\[ *([0-9.]+)\].* Finished wecall-stick@", said[seen.end() :], re.MULTILINE)
        assert done is not None, said[seen.end() :]
        took_s = {**self.took_s, "stick": float(done[1]) - float(seen[1])}
        written = _CHECKOUT / "build" / f"machine-{self.architecture}.json"
        written.write_text(json.dumps({f"{name}_s": round(value, 1) for name, value in took_s.items()}, indent=2))
        written.with_suffix(".log").write_text(said[seen.start() : seen.end() + done.end()])

    def _configuration(self, port: int, password: str) -> str:
        return (
            (_CONFIGURATION + self._pins)
            .replace("PORT", str(port))
            .replace("PASSWORD", f'password = "{password}"' if password else "")
        )

    def _timed(self, name: str, action: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return action()
        finally:
            self.took_s[name] = time.monotonic() - began


class InstalledMachine(HandsetMachine):
    """A computer of this machine's kind, in which somebody installs the package."""

    architecture = "amd64"

    def start(self) -> None:
        self._package = self._timed("package", lambda: build_package(self._folder))
        super().start()

    def _computer(self) -> Computer:
        self._folder = self._scratch / "package"
        return BorrowedRoot(amd64_kernel(), {PYTHON: sys.base_prefix, _PACKAGES: str(self._folder)})

    def _have_the_handset_run(self) -> None:
        # The interpreter may be built with a shared library that it looks for where it was built.
        self.shell(f"echo {PYTHON}/lib >/etc/ld.so.conf.d/python.conf && ldconfig")
        package = f"{_PACKAGES}/{self._package.name}"
        self._timed("install", lambda: self.run("dpkg", "--force-unsafe-io", "--install", package, timeout_s=600))


class CardMachine(HandsetMachine):
    """A Raspberry Pi with the card that `make image` makes."""

    architecture = "arm64"
    _pins = f"\n[hook_switch]\npin = {_HOOK}\n"
    _patience_s = _CARD_PATIENCE_S

    def _computer(self) -> Computer:
        return CardRoot()

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        self._rig: GpioRig | None = None

    def stop(self) -> None:
        if self._rig is not None:
            self._rig.stop()
        super().stop()

    @property
    def has_pins(self) -> bool:
        return True

    @property
    def has_panels(self) -> bool:
        return False

    def run_tests(self, *words: str) -> str:
        """Run tests, with contacts and lamps at its pins."""
        self.shell(f"""
            mkdir -p {self._checkout}
            modprobe 9pnet_virtio
            mountpoint -q {self._checkout} ||
              mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 checkout {self._checkout}
        """)
        # The handset that lies on its hook holds a line that a keypad may need.
        self._gpio.clear()
        try:
            return super().run_tests(*words)
        finally:
            self.put_down()

    def lift(self) -> None:
        """Lift the handset."""
        self._gpio.part(_HOOK, GROUND)

    def put_down(self) -> None:
        """Put it back."""
        self._gpio.join(_HOOK, GROUND)

    @property
    def _gpio(self) -> GpioRig:
        assert self._rig is not None
        return self._rig

    @property
    def _checkout(self) -> str:
        return "/run/checkout"

    @property
    def _test_python(self) -> tuple[str, ...]:
        packages = f"{self._checkout}/{_test_packages().relative_to(_CHECKOUT)}"
        return ("env", "PYTHONDONTWRITEBYTECODE=1", "LG_WD=/tmp", f"PYTHONPATH={packages}", VENV_PYTHON)

    def _have_the_handset_run(self) -> None:
        self._rig = GpioRig(self._machine.monitor, self._scratch / "qtest.sock", self._scratch / "rig.sock")
        self._rig.start()
        self.put_down()
        self.shell(CABLE, timeout_s=self._patience_s)
        self._timed("restart", lambda: self.run("systemctl", "restart", _SERVICE, timeout_s=self._patience_s))


def _test_packages() -> Path:
    """Return a folder with what tests need on a Raspberry Pi beside the handset's own packages; fetched once."""
    folder = _CHECKOUT / "build" / "machine" / "arm64-tests"
    if folder.is_dir():
        return folder
    project = tomllib.loads((_CHECKOUT / "pyproject.toml").read_text())
    named = [Requirement(line) for line in project["project"]["optional-dependencies"]["dev"]]
    wanted = [str(requirement) for requirement in named if requirement.name in _TEST_PACKAGES]
    target = Target("arm64", (3, 13), "/usr/bin/python3")
    unfinished = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
            f"--target={unfinished}", "--only-binary=:all:", "--python-version=3.13",
            *(f"--platform={platform}" for platform in target.platforms), *wanted,
        ],
        check=True,
    )  # fmt: skip
    unfinished.rename(folder)
    return folder


def report_on(stick: UsbStick) -> Report:
    """Return the report that a handset has left on a stick, which has its readable half beside it."""
    assert stick.read(f"report-{SERIAL}.txt").decode().strip()
    return Report.model_validate_json(stick.read(f"report-{SERIAL}.json"))
