"""A whole machine in QEMU, with a kernel, devices and a USB port of its own, on a throw-away copy of this one's root.

Its network is that of a namespace: what listens there on 127.0.0.1 is 10.0.2.2 to the machine; there is nobody else.
"""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

from tests.lab.debian_kernel import DebianKernel, archive
from tests.lab.network import Namespace
from tests.lab.qmp import QemuMonitor

HOST: Final = "10.0.2.2"
"""How the machine reaches what listens on the namespace's loopback."""

_BOOT_TIMEOUT_S: Final = 300.0
_AGENT: Final = Path(__file__).with_name("machine_agent.py")
_PROGRAM: Final = "qemu-system-x86_64"

# Nothing is set up that no test looks at, and nothing brought up to date that is thrown away. What guards one program
# from another by flushing caches costs an emulated processor half of its time.
_PARAMETERS: Final = " ".join(
    (
        "quiet panic=-1 mitigations=off net.ifnames=0",
        "systemd.unit=basic.target systemd.show_status=0 systemd.condition_needs_update=0",
        "module_blacklist=i2c_i801,lpc_ich,psmouse,pcspkr,iTCO_wdt,bochs,sr_mod,ahci,button,evdev,joydev",
        *(
            f"systemd.mask={unit}"
            for unit in ("systemd-timesyncd.service", "systemd-binfmt.service", "systemd-hwdb-update.service")
        ),
    )
)

_INIT: Final = """#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod /modules/$module || echo "no $module"; done </modules/order
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 root /lower
mount -t tmpfs -o size=90% tmpfs /layers
mkdir /layers/upper /layers/work
mount -t overlay -o lowerdir=/lower,upperdir=/layers/upper,workdir=/layers/work overlay /root
ip link set lo up
ip link set eth0 up
ip address add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
echo -n >/root/etc/fstab
cat /proc/sys/kernel/random/uuid | tr -d - >/root/etc/machine-id
mkdir -p /root/opt /root/usr/lib/modules
cp /agent.py /root/opt/machine-agent.py
cp /agent.service /root/etc/systemd/system/machine-agent.service
mkdir -p /root/etc/systemd/system/basic.target.wants
ln -s ../machine-agent.service /root/etc/systemd/system/basic.target.wants/machine-agent.service
[ -e /root/usr/lib/modules/$(uname -r) ] || ln -s MODULES /root/usr/lib/modules/$(uname -r)
while read -r source target; do
  mkdir -p /root/$target
  mount --bind /root/$source /root/$target
done </shown
mount -t tmpfs -o mode=1777 tmpfs /root/tmp
umount /proc /sys
mount --move /dev /root/dev
exec switch_root /root /sbin/init
"""

_AGENT_UNIT: Final = """[Unit]
Description=Does what the test asks for
# The port comes when udev has found it.
StartLimitIntervalSec=0
[Service]
Restart=on-failure
RestartSec=0.5
ExecStart=/usr/bin/python3 /opt/machine-agent.py /dev/virtio-ports/agent
Environment=HOME=/root SYSTEMD_COLORS=0 PATH=/usr/local/bin:/usr/sbin:/usr/bin
"""


class VirtualMachine:
    """A machine that vanishes when it is stopped; nothing in it touches the disk or a network outside.

    Attributes:
        monitor: QEMU's, for whatever is done to the machine from outside.
    """

    monitor: QemuMonitor

    def __init__(
        self,
        scratch: Path,
        kernel: DebianKernel,
        namespace: Namespace,
        shown: Mapping[str, str],
    ) -> None:
        """Set up.

        Args:
            scratch: a folder for its sockets and what it says while it boots.
            kernel: what it boots.
            namespace: whose network it is in.
            shown: folders of this machine's root that are to be seen at another path too, by that path.
        """
        self._scratch = scratch
        self._kernel = kernel
        self._namespace = namespace
        self._shown = dict(shown)
        self._process: subprocess.Popen[bytes] | None = None
        self._agent: socket.socket | None = None
        self._answers: IO[bytes] | None = None

    def start(self) -> None:
        """Boot, and wait until commands can be given.

        Raises:
            RuntimeError: it did not boot; the message holds its last words.
        """
        if shutil.which(_PROGRAM) is None:
            raise RuntimeError(f"The machine tests need `{_PROGRAM}`; debian-packages.txt names its package.")
        (self._scratch / "initramfs").write_bytes(self._first_root())
        log = (self._scratch / "qemu.log").open("wb")
        with log:
            self._process = subprocess.Popen(
                self._namespace.command(_PROGRAM, *self._options()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _BOOT_TIMEOUT_S
        try:
            self._agent = self._connect("agent.sock", deadline)
            self._answers = self._agent.makefile("rb")
            self.monitor = QemuMonitor(self._scratch / "qmp.sock")
            self._agent.settimeout(max(1, deadline - time.monotonic()))
            self._answers.readline()
        except (OSError, RuntimeError) as error:
            self.stop()
            raise RuntimeError(f"The virtual machine did not boot ({error}). Its last words:\n{self.log}") from error

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
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-M", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max", "-smp", "2", "-m", "2048",
            "-kernel", str(self._kernel.image), "-initrd", str(self._scratch / "initramfs"),
            "-append", f"console=ttyS0 {_PARAMETERS}",
            "-serial", f"file:{self._scratch / 'console.log'}",
            "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
            "-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-rng-pci",
            "-device", "qemu-xhci,id=usb",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,path={self._scratch / 'agent.sock'},server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=agent",
            "-qmp", f"unix:{self._scratch / 'qmp.sock'},server=on,wait=off",
        ]  # fmt: skip

    def _first_root(self) -> bytes:
        modules = self._kernel.first_modules()
        init = _INIT.replace("MODULES", str(self._kernel.modules))
        files: dict[str, tuple[int, bytes]] = {
            "init": (0o755, init.encode()),
            "bin/busybox": (0o755, self._kernel.busybox.read_bytes()),
            "agent.py": (0o644, _AGENT.read_bytes()),
            "agent.service": (0o644, _AGENT_UNIT.encode()),
            "shown": (0o644, "".join(f"{inside} {path}\n" for path, inside in self._shown.items()).encode()),
            "modules/order": (0o644, "".join(f"{name}\n" for name, _ in modules).encode()),
        }
        files |= {f"modules/{name}": (0o644, content) for name, content in modules}
        return archive(files, ("bin", "modules", "proc", "sys", "dev", "lower", "layers", "root"))
