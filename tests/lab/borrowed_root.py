"""A computer of this machine's kind, which boots Debian's kernel on a throw-away copy of this machine's root."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.lab.debian_kernel import DebianKernel, archive
from tests.lab.virtual_machine import AGENT, AGENT_PORT

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

_AGENT_UNIT: Final = f"""[Unit]
Description=Does what the test asks for
# The port comes when udev has found it.
StartLimitIntervalSec=0
[Service]
Restart=on-failure
RestartSec=0.5
ExecStart=/usr/bin/python3 /opt/machine-agent.py {AGENT_PORT}
Environment=HOME=/root SYSTEMD_COLORS=0 PATH=/usr/local/bin:/usr/sbin:/usr/bin
"""


class BorrowedRoot:
    """The computer."""

    program = "qemu-system-x86_64"
    boot_timeout_s = 300.0

    def __init__(self, kernel: DebianKernel, shown: Mapping[str, str]) -> None:
        """Set up.

        Args:
            kernel: what it boots.
            shown: folders of this machine's root that are to be seen at another path too, by that path.
        """
        self._kernel = kernel
        self._shown = dict(shown)

    def options(self, scratch: Path) -> list[str]:
        (scratch / "initramfs").write_bytes(self._first_root())
        return [
            "-M", "q35", "-cpu", "max", "-no-reboot",
            "-kernel", str(self._kernel.image), "-initrd", str(scratch / "initramfs"),
            "-append", f"console=ttyS0 {_PARAMETERS}",
            "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
        ]  # fmt: skip

    def _first_root(self) -> bytes:
        modules = self._kernel.first_modules()
        init = _INIT.replace("MODULES", str(self._kernel.modules))
        files: dict[str, tuple[int, bytes]] = {
            "init": (0o755, init.encode()),
            "bin/busybox": (0o755, self._kernel.busybox.read_bytes()),
            "agent.py": (0o644, AGENT.read_bytes()),
            "agent.service": (0o644, _AGENT_UNIT.encode()),
            "shown": (0o644, "".join(f"{inside} {path}\n" for path, inside in self._shown.items()).encode()),
            "modules/order": (0o644, "".join(f"{name}\n" for name, _ in modules).encode()),
        }
        files |= {f"modules/{name}": (0o644, content) for name, content in modules}
        return archive(files, ("bin", "modules", "proc", "sys", "dev", "lower", "layers", "root"))
