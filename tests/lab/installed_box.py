"""A systemd box in which the handset is installed as its installer would do it, from this checkout."""

import hashlib
import platform
import re
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Final

from tests.lab import patience
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

_MACHINE = platform.machine()
_TARGET = Target(
    next(name for name, machine in MACHINES.items() if machine == _MACHINE), sys.version_info[:2], sys.executable
)

_EXECUTION = re.compile(
    r"^(Type|NotifyAccess|Exec\w+|BindsTo|RemainAfterExit|WatchdogSec|Restart|RestartSec|RestartSteps|RestartMaxDelaySec"
    r"|RuntimeDirectory)=.*\n",
    re.MULTILINE,
)


class InstalledBox(SystemdBox):
    """Adds to the box: the installer, its packages, and probes that run inside the sandbox of a unit."""

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch, {SOURCE: CHECKOUT, WHEELS: _wheels(), PYTHON: Path(sys.base_prefix)})
        self.python = f"{PYTHON}/bin/python{sys.version_info.major}.{sys.version_info.minor}"

    def start(self) -> None:
        super().start()
        # The interpreter may be built with a shared library that it looks for where it was built.
        self.shell(f"echo {PYTHON}/lib >/etc/ld.so.conf.d/python.conf && ldconfig")

    def install(self, *options: str) -> str:
        """Run install.sh and return what it said."""
        command = (f"{SOURCE}/systemd/install.sh", "--no-apt", "--python", self.python, "--wheels", WHEELS, *options)
        return self.run(*command, timeout_s=300).stdout

    def configure(self, configuration: str) -> None:
        self.run("install", "-m", "0640", "-g", "wecall", "/dev/stdin", "/etc/wecall/config.toml", stdin=configuration)

    def probe(self, unit: str, script: str) -> str:
        """Run a Python script in a unit's own sandbox, as its user, and return what it printed.

        Everything in the unit file stays but how it is executed and supervised, and its folder under /run.
        """
        text = self.run("cat", f"/etc/systemd/system/{unit}").stdout.replace("%i", "probe")
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


def _wheels() -> Path:
    """Return a folder with all that the lock names for this interpreter, and the SIP library; made once for each."""
    engine = engine_wheel(_TARGET, ())
    stamp = hashlib.sha256(
        b"".join([HANDSET.read_bytes(), BUILD.read_bytes(), sys.version.encode(), str(engine).encode()])
    ).hexdigest()
    folder = CHECKOUT / "build" / "wheels"
    if (folder / "stamp").is_file() and (folder / "stamp").read_text() == stamp:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    builder = build_environment(CHECKOUT / "build" / "builder", _TARGET)
    for lock in (HANDSET, BUILD):
        download(Lock.read(lock).on(_TARGET.markers()), folder, _TARGET, builder)
    shutil.copy(engine, folder)
    (folder / "stamp").write_text(stamp)
    return folder
