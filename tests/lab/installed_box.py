"""A systemd box in which the handset is installed as its installer would do it, from this checkout."""

import fcntl
import hashlib
import platform
import re
import shutil
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from provisioning.report import Report
from tests.lab import patience
from tests.lab.network import NamedNamespace
from tests.lab.systemd_box import SystemdBox
from tools.debian.engine import engine_wheel
from tools.debian.target import MACHINES, Target
from tools.lock.lockfile import BUILD, HANDSET, Lock
from tools.lock.packages import build_environment, download

CHECKOUT = Path(__file__).parents[2]
SOURCE = "/opt/source"
WHEELS = "/opt/wheels-for-wecall"
PYTHON = "/opt/python"
VENV_PYTHON = "/opt/wecall/venv/bin/python"

# Where the lab's servers are, in a network namespace of their own inside the box.
INSIDE = "10.77.0.1"
BROKER = "10.77.0.2"
REGISTRAR = "10.77.0.3"
STRANGER = "10.77.0.4"
RESOLVER = "10.77.0.5"

INSTALLED_FROM: Final = (
    "pyproject.toml", "setup.py", "README.md", "LICENSE", "contract", "firmware", "drivers", "mqtt", "provisioning",
    "tools", "requirements", "systemd",
)  # fmt: skip
"""What of the checkout install.sh reads."""

_MACHINE = platform.machine()
_TARGET = Target(
    next(name for name, machine in MACHINES.items() if machine == _MACHINE), sys.version_info[:2], sys.executable
)

_EXECUTION = re.compile(
    r"^(Type|NotifyAccess|Exec\w+|BindsTo|RemainAfterExit|WatchdogSec|Restart|RestartSec|RestartSteps|RestartMaxDelaySec"
    r"|RuntimeDirectory)=.*\n",
    re.MULTILINE,
)

ATTEMPT = """
import errno, json, os, socket, subprocess
from pathlib import Path

def attempt(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"

def write(folder):
    path = Path(folder, "probe")
    path.write_text("")
    path.unlink()
"""
"""How a script for `InstalledBox.probe` begins that tries things, and tells of each "done" or the error's name."""

HAND_OVER: Final = """
from firmware.base.errors import ControlError
from firmware.control.open_files import sealed

async def hand_over(link, bundle):
    await link.begin(len(bundle))
    return await link.bring(sealed(bundle))
"""
"""How a bundle is given to the handset by a link to it; the name that its report is asked by."""

# Brings a bundle as a stick does, and prints the report on it.
_OFFER = """
import asyncio, sys
from pathlib import Path
from firmware.control.stick_client import HandsetLink

async def offer():
    link = HandsetLink(Path("/run/wecall"))
    name = await hand_over(link, sys.stdin.buffer.read())
    count = 0
    while True:
        try:
            news = await link.follow(name, count, 5)
        except ControlError:
            await asyncio.sleep(0.2)
            continue
        count = news.count
        if news.report is not None:
            print(news.report.model_dump_json())
            return

asyncio.run(offer())
"""


class InstalledBox(SystemdBox):
    """Adds to the box: the installer, its packages, and probes that run inside the sandbox of a unit."""

    def __init__(
        self, scratch: Path, shown: Mapping[str, Path] = MappingProxyType({}), kept: Path | None = None
    ) -> None:
        """Set up.

        Args:
            scratch: as for every box.
            shown: more folders to show inside, by the path that they get there.
            kept: what `keep_installed` has kept of a box in which the handset was installed.
        """
        ours = {SOURCE: CHECKOUT, WHEELS: _wheels(), PYTHON: Path(sys.base_prefix)}
        super().__init__(scratch, {**ours, **shown}, kept)
        self.python = f"{PYTHON}/bin/python{sys.version_info.major}.{sys.version_info.minor}"

    def start(self) -> None:
        super().start()
        # The interpreter may be built with a shared library that it looks for where it was built.
        self.shell(f"echo {PYTHON}/lib >/etc/ld.so.conf.d/python.conf && ldconfig")

    def install(self, *options: str) -> str:
        """Run install.sh and return what it said."""
        command = (f"{SOURCE}/systemd/install.sh", "--no-apt", "--python", self.python, "--wheels", WHEELS, *options)
        return self.run(*command, timeout_s=300).stdout

    def keep_installed(self, archive: Path) -> None:
        """Keep all that install.sh and the services have on the disk; none of these may run meanwhile."""
        state = sorted(f"/var/lib/{path.name}" for path in self.path("/var/lib").glob("wecall*"))
        self.keep(archive, "/etc", "/opt/wecall", "/usr/local/bin/wecall", "/var/lib/systemd", *state)

    def start_installed(self) -> None:
        """Start what install.sh would have started, by its own words."""
        self.shell(f"speaker=test; . {SOURCE}/systemd/machine.sh; enable_services firewall start")

    def configure(self, configuration: str) -> None:
        self.run("install", "-m", "0640", "-g", "wecall", "/dev/stdin", "/etc/wecall/config.toml", stdin=configuration)

    def probe(self, unit: str, script: str) -> str:
        """Run a Python script in a unit's own sandbox, as its user, and return what it printed.

        Everything in the unit file stays but how it is executed and supervised, and its folder under /run.
        """
        # Where install.sh has put it, or the package.
        text = self.shell(f"cat /etc/systemd/system/{unit} 2>/dev/null || cat /usr/lib/systemd/system/{unit}")
        text = text.replace("%i", "probe")
        text = _EXECUTION.sub("", text).replace(
            "[Service]\n",
            "[Service]\nType=oneshot\nRuntimeDirectory=probe\nStandardOutput=truncate:/run/probe.out\n"
            f"StandardError=inherit\nExecStart={VENV_PYTHON} -I /opt/probe.py\n",
        )
        self.run("install", "-D", "-m", "0644", "/dev/stdin", "/run/systemd/system/probe.service", stdin=text)
        self.run("install", "-m", "0644", "/dev/stdin", "/opt/probe.py", stdin=script)
        self.run("systemctl", "daemon-reload")
        started = self.run("systemctl", "start", "probe.service", check=False)
        printed = self.run("cat", "/run/probe.out").stdout
        assert started.returncode == 0, f"the probe failed in {unit}'s sandbox: {started.stdout}\n{printed}"
        return printed

    def bring(self, bundle: bytes, hand_over: str = HAND_OVER) -> Report:
        """Bring the handset a bundle as a stick does, and return what became of it.

        `hand_over` is for a handset of another version, whose modules have other names.
        """
        self.path("/opt/bundle").write_bytes(bundle)
        self.run("install", "-m", "0644", "/dev/stdin", "/opt/offer.py", stdin=hand_over + _OFFER)
        offer = f"setpriv --reuid=wecall-stick --regid=wecall-stick --clear-groups {VENV_PYTHON} -I /opt/offer.py"
        said = self.shell(f"chmod 644 /opt/bundle; {offer} </opt/bundle", timeout_s=200)
        return Report.model_validate_json(said.splitlines()[-1])

    def drop_in(self, unit: str, text: str) -> None:
        """Change a unit until `remove_drop_in`."""
        self.run("install", "-D", "-m", "0644", "/dev/stdin", f"/run/systemd/system/{unit}.d/test.conf", stdin=text)
        self.run("systemctl", "daemon-reload")

    def remove_drop_in(self, unit: str) -> None:
        self.run("rm", "-rf", f"/run/systemd/system/{unit}.d")
        self.run("systemctl", "daemon-reload")

    def main_pid(self, unit: str) -> int:
        """Return the unit's main process, as numbered in the box; 0 where none runs."""
        return int(self.property_of(unit, "MainPID"))

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit", unit).stdout

    @property
    def outside(self) -> NamedNamespace:
        """The network of the lab's servers, once there is a cable to it."""
        return NamedNamespace(self.path("/run/netns/outside"))

    def add_outside(self) -> None:
        """Lay a cable to a network namespace `outside` that has the addresses of the lab's servers."""
        self.shell(f"""
            ip netns add outside
            ip link add cable type veth peer name far netns outside
            ip address add {INSIDE}/24 dev cable
            ip link set cable up
            for address in {BROKER} {REGISTRAR} {STRANGER} {RESOLVER}; do
              ip -n outside address add $address/24 dev far
            done
            ip -n outside link set far up
            ip -n outside link set lo up
        """)


wait_until: Final = partial(patience.wait_until, look_s=0.1)
"""What a service manager does in its own time is asked of another program each time."""


def made_of() -> str:
    """Return a hash of all that makes a box in which the handset is installed what it is."""
    digest = hashlib.sha256(f"{sys.version} {_wheels()}".encode())
    machine = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/var/lib/dpkg/status")
    ours = (path for name in INSTALLED_FROM for path in (CHECKOUT / name, *(CHECKOUT / name).rglob("*")))
    for file in (*map(Path, machine), *Path(__file__).parent.glob("*ed_box.*"), *sorted(ours)):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file}\0{file.stat().st_mode}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _wheels() -> Path:
    """Return a folder with all that the lock names for this interpreter, and the SIP library.

    Made once for each, and kept beside that library: a fresh clone needs none of its own.
    """
    engine = engine_wheel(_TARGET, ())
    stamp = hashlib.sha256(
        b"".join([HANDSET.read_bytes(), BUILD.read_bytes(), sys.version.encode(), str(engine).encode()])
    ).hexdigest()
    folder = engine.parents[2] / "wheels" / stamp[:16]
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            unfinished = folder.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            builder = build_environment(CHECKOUT / "build" / "builder", _TARGET)
            for name in (HANDSET, BUILD):
                download(Lock.read(name).on(_TARGET.markers()), unfinished, _TARGET, builder)
            shutil.copy(engine, unfinished)
            unfinished.rename(folder)
    return folder
