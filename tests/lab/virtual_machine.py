"""A whole machine in QEMU, with a kernel, devices and a USB port of its own; nothing in it touches the disk.

Its network is a cable to a namespace, which has the address HOST; there is nobody else.
"""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, Protocol

from tests.lab.network import Namespace
from tests.lab.qmp import QemuMonitor

HOST: Final = "10.0.2.2"
"""The namespace's address on the cable."""

ADDRESS: Final = "10.0.2.15"
"""The machine's own."""

_CABLE: Final = "machine"

SIZE: Final = ("-smp", "2", "-m", "2048")
"""QEMU's options for processors and memory."""

AGENT: Final = Path(__file__).with_name("machine_agent.py")
"""What a computer has to run by /usr/bin/python3 once it is up, with AGENT_PORT as its argument."""

AGENT_PORT: Final = "/dev/virtio-ports/agent"

AGENT_UNIT: Final = f"""[Unit]
StartLimitIntervalSec=0
[Service]
Restart=on-failure
RestartSec=1
ImportCredential=machine.agent
ExecStart=/usr/bin/python3 ${{CREDENTIALS_DIRECTORY}}/machine.agent {AGENT_PORT}
Environment=HOME=/root SYSTEMD_COLORS=0
"""
"""What starts it on a card, on which nothing is changed for it: both come as credentials of the machine's
(systemd.system-credentials(7)).
"""


_STALLED: Final = "Possible timer handling issue"
"""What Linux says of a processor that gets no timer interrupts any more (kernel/rcu/tree_stall.h)."""
_LOOK_S: Final = 5.0


class TimerLostError(RuntimeError):
    """An emulated processor has lost its timer, which nothing in the machine can help: about one boot of a hundred."""


def lay_cable(namespace: Namespace, *more_addresses: str) -> None:
    """Give a namespace its end of a machine's cable, with HOST and more addresses to listen at from then on."""
    namespace.ip("tuntap", "add", "dev", _CABLE, "mode", "tap")
    for address in (HOST, *more_addresses):
        namespace.ip("address", "add", f"{address}/24", "dev", _CABLE)
    namespace.ip("link", "set", _CABLE, "up")


class Computer(Protocol):
    """What a machine is made of, and how it comes by its root.

    Attributes:
        program: the QEMU for its processor.
        boot_timeout_s: how long it may take until its agent runs.
    """

    program: str
    boot_timeout_s: float

    def options(self, scratch: Path) -> list[str]:
        """Lay out in a folder what it boots from, and return what QEMU is to be told beside what all have."""
        ...


class VirtualMachine:
    """A machine that vanishes when it is stopped; nothing in it touches the disk or a network outside.

    Attributes:
        monitor: QEMU's, for whatever is done to the machine from outside.
    """

    monitor: QemuMonitor

    def __init__(self, scratch: Path, computer: Computer, namespace: Namespace) -> None:
        """Set up.

        Args:
            scratch: a folder for its sockets and what it says while it boots.
            computer: what it is made of.
            namespace: whose network it is in.
        """
        self._scratch = scratch
        self._computer = computer
        self._namespace = namespace
        self._process: subprocess.Popen[bytes] | None = None
        self._agent: socket.socket | None = None
        self._answers: IO[bytes] | None = None

    def start(self) -> None:
        """Boot, and wait until commands can be given.

        Raises:
            TimerLostError: its processor did not last so long.
            RuntimeError: it did not boot; the message holds its last words.
        """
        program = self._computer.program
        if shutil.which(program) is None:
            raise RuntimeError(f"The machine tests need `{program}`; debian-packages.txt names its package.")
        log = (self._scratch / "qemu.log").open("wb")
        with log:
            self._process = subprocess.Popen(
                # It ends with whoever started it, tests that were killed among them.
                self._namespace.command("setpriv", "--pdeathsig", "KILL", program, *self._options()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + self._computer.boot_timeout_s
        try:
            self._agent = self._connect("agent.sock", deadline)
            self._answers = self._agent.makefile("rb")
            # It opens one socket after the other.
            self._connect("qmp.sock", deadline).close()
            self.monitor = QemuMonitor(self._scratch / "qmp.sock")
            while not select.select([self._agent], [], [], _LOOK_S)[0]:
                if _STALLED in self.log or time.monotonic() > deadline:
                    raise TimeoutError("nothing is heard of it")
            self._answers.readline()
        except (OSError, RuntimeError) as error:
            self.stop()
            kind = TimerLostError if _STALLED in self.log else RuntimeError
            raise kind(f"The virtual machine did not boot ({error}). Its last words:\n{self.log}") from error

    def wait_for_restart(self, patience_s: float = 0) -> None:
        """Wait until it has started anew, by itself or because it was told to, and takes commands again.

        Args:
            patience_s: how much longer than a start that may take.

        Raises:
            RuntimeError: it did not; the message holds its last words.
        """
        assert self._agent is not None
        assert self._answers is not None
        self._agent.settimeout(self._computer.boot_timeout_s + patience_s)
        try:
            while (said := self._answers.readline()) and b'"ready"' not in said:
                pass
        except OSError:
            said = b""
        if not said:
            raise RuntimeError(f"It did not start anew. Its last words:\n{self.log}")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold QEMU itself, with all that it has written and not one write more, as if it had been killed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        # Not before the last of its threads has come back from what it was writing.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Pull its plug."""
        if self._agent is not None:
            self._agent.close()
            self._agent = None
        if (process := self._process) is not None:
            self._process = None
            process.kill()
            process.wait()

    @property
    def log(self) -> str:
        """The end of what QEMU and the machine's console have said."""
        texts = [(self._scratch / name) for name in ("qemu.log", "console.log")]
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in texts if path.exists())

    def run(
        self, *command: str, check: bool = True, timeout_s: float = 120, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside as root, with its output and errors in one text.

        Raises:
            AssertionError: the command failed, and `check` was asked for.
        """
        assert self._agent is not None
        assert self._answers is not None
        self._agent.settimeout(timeout_s + 30)
        request = {"command": list(command), "stdin": stdin, "timeout_s": timeout_s}
        self._agent.sendall(json.dumps(request).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._answers.readline())
        done = subprocess.CompletedProcess(command, answer["code"], answer["output"])
        if check and done.returncode != 0:
            raise AssertionError(f"`{' '.join(command)}` failed with {done.returncode} in the machine:\n{done.stdout}")
        return done

    def shell(self, script: str, *, check: bool = True, timeout_s: float = 120) -> str:
        """Run a script inside by bash, which ends at its first failure, and return its output."""
        return self.run("bash", "-euo", "pipefail", "-c", script, check=check, timeout_s=timeout_s).stdout

    def write(self, path: str, text: str, mode: str = "0644", group: str = "root") -> None:
        """Put a file there."""
        self.run("install", "-D", "-m", mode, "-g", group, "/dev/stdin", path, stdin=text)

    def plug_in(self, image: Path) -> None:
        """Plug a stick into the USB port."""
        file = {"driver": "file", "filename": str(image)}
        self.monitor.execute("blockdev-add", **{"node-name": "stick", "driver": "raw", "file": file})
        self.monitor.execute("device_add", driver="usb-storage", id="usb-stick", drive="stick", removable=True)

    def pull_out(self) -> None:
        """Pull the stick out, whatever is being done with it."""
        self.monitor.execute("device_del", id="usb-stick")
        self.monitor.wait_for("DEVICE_DELETED", device="usb-stick")
        self.monitor.execute("blockdev-del", **{"node-name": "stick"})

    def _connect(self, name: str, deadline: float) -> socket.socket:
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(str(self._scratch / name))
            except OSError:
                connection.close()
                if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return connection

    def _options(self) -> list[str]:
        return [
            *self._computer.options(self._scratch),
            "-nodefaults", "-no-user-config", "-display", "none",
            "-accel", "tcg,thread=multi,tb-size=512", *SIZE,
            "-serial", f"file:{self._scratch / 'console.log'}",
            "-netdev", f"tap,id=net,ifname={_CABLE},script=no,downscript=no",
            "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-rng-pci",
            "-device", "qemu-xhci,id=usb",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,path={self._scratch / 'agent.sock'},server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=agent",
            "-chardev", f"socket,id=rig,path={self._scratch / 'rig.sock'},server=on,wait=off",
            "-device", "virtserialport,chardev=rig,name=rig",
            "-qmp", f"unix:{self._scratch / 'qmp.sock'},server=on,wait=off",
        ]  # fmt: skip
