"""A stick's own service, on a real file system; the plug itself is an event that only a machine with USB has.

The kernel here has no FAT, so the script that mounts is told of ext2, whose files have owners, and nothing else.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.results import BundleResult, OutcomeCode
from provisioning.identity import read_identity
from provisioning.report import read_report
from tests.lab.bundles import Installer
from tests.lab.installed_box import InstalledBox, wait_until

INSTALLER = Installer()
SCRIPT = "/opt/wecall/lib/stick.sh"
UNIT = "/etc/systemd/system/wecall-stick@.service"


class Port:
    """Where sticks are plugged in, one after another.

    Attributes:
        result: what systemd calls the end of the last one's service.
    """

    def __init__(self, box: InstalledBox) -> None:
        self.box = box
        self.device = ""
        self.result = ""

    @property
    def unit(self) -> str:
        return f"wecall-stick@{self.device}.service"

    @property
    def mount(self) -> str:
        return f"/run/wecall-stick/{self.device}"

    def fill_up(self) -> None:
        """Leave no room on the stick that is to be plugged in."""
        self.box.shell("""
            mkdir -p /opt/stick/fill && mount -o loop /opt/stick/image /opt/stick/fill
            dd if=/dev/zero of=/opt/stick/fill/filler bs=1k 2>/dev/null || true
            umount /opt/stick/fill
        """)

    def make(self, files: dict[str, bytes], size_kib: int = 2048) -> None:
        """Make a stick with these files in its top folder."""
        self.box.shell("rm -rf /opt/stick && mkdir -p /opt/stick/files")
        for name, content in files.items():
            self.box.path(f"/opt/stick/files/{name}").write_bytes(content)
        self.box.shell(f"""
            chown -R wecall-stick:wecall-stick /opt/stick/files
            mke2fs -q -t ext2 -m 0 -d /opt/stick/files -E root_owner=$(id -u wecall-stick):$(id -g wecall-stick) \
                /opt/stick/image {size_kib}k
        """)

    def plug_in(self) -> None:
        """Do what udev does; the service has ended its work when this returns."""
        self.attach()
        self.box.run("systemctl", "start", self.unit, check=False, timeout_s=120)

    def attach(self) -> None:
        self.device = Path(self.box.run("losetup", "--find", "--show", "/opt/stick/image").stdout.strip()).name

    def pull_out(self) -> dict[str, bytes]:
        """Do what systemd does when a stick's device is gone; return what is on the stick."""
        self.box.run("systemctl", "stop", self.unit)
        self.result = self.box.property_of(self.unit, "Result")
        self.box.run("systemctl", "reset-failed", self.unit, check=False)
        self.box.shell(f"mkdir -p /opt/stick/read && mount -o ro /dev/{self.device} /opt/stick/read")
        files = {path.name: path.read_bytes() for path in self.box.path("/opt/stick/read").iterdir() if path.is_file()}
        self.box.run("umount", "/opt/stick/read")
        self.box.run("losetup", "--detach", f"/dev/{self.device}")
        self.device = ""
        return files

    def journal(self) -> str:
        self.box.run("journalctl", "--sync")
        return self.box.journal(self.unit)


@pytest.fixture(scope="module")
def port(box: InstalledBox) -> Iterator[Port]:
    box.shell(f"""
        for number in 0 1 2 3 4 5 6 7; do [ -b /dev/loop$number ] || mknod -m 0600 /dev/loop$number b 7 $number; done
        [ -c /dev/loop-control ] || mknod -m 0600 /dev/loop-control c 10 237
        cp -a {SCRIPT} {SCRIPT}.real
        cp -a {UNIT} {UNIT}.real
        sed -i -e 's/^types=.*/types=ext2/' -e 's/^owner=.*/owner=noatime/' {SCRIPT}
        sed -i -e '/^BindsTo=dev-/d' -e 's/^After=dev-%i.device /After=/' {UNIT}
        systemctl daemon-reload
    """)
    port = Port(box)
    yield port
    if port.device:
        # Where a test failed: the kernel's loop devices outlive the box.
        box.run("systemctl", "stop", port.unit, check=False)
        box.run("losetup", "--detach", f"/dev/{port.device}", check=False)
    box.shell(f"mv {SCRIPT}.real {SCRIPT}; mv {UNIT}.real {UNIT}; systemctl daemon-reload")


def test_a_blank_stick_collects_the_identity_and_is_let_go(port: Port) -> None:
    port.make({})
    port.plug_in()
    assert port.box.property_of(port.unit, "ActiveState") == "active", port.journal()
    assert port.box.run("mountpoint", "-q", port.mount, check=False).returncode != 0, "it may be taken out"
    files = port.pull_out()
    (name,) = files
    identity = read_identity(files[name])
    assert name == identity.file_name
    assert port.box.shell("ls /run/wecall-stick") == ""
    assert port.box.run("ls", "/run").stdout.count("wecall-stick") == 1, "what was laid out is gone, too"


def test_what_the_handset_says_of_a_bundle_is_on_the_stick(port: Port) -> None:
    port.make({"site.wecall": INSTALLER.bundle(fleet="another-fleet")})
    port.plug_in()
    files = port.pull_out()
    (name,) = (name for name in files if name.endswith(".json"))
    report = read_report(files[name])
    assert (report.result, report.code) == (BundleResult.REFUSED, OutcomeCode.WRONG_FLEET)
    assert files.keys() == {"site.wecall", f"report-{report.serial}.json", f"report-{report.serial}.txt"}


def test_a_full_stick_is_left_as_it_was_and_said(port: Port) -> None:
    port.make({"site.wecall": b"no bundle"}, size_kib=256)
    port.fill_up()
    port.plug_in()
    journal = port.journal()
    assert port.pull_out().keys() == {"site.wecall", "filler"}
    assert "The stick cannot be written: No space left on device" in journal


def test_a_stick_that_is_pulled_out_while_the_handset_asks_leaves_nothing_behind(port: Port) -> None:
    port.make({"site.wecall": INSTALLER.bundle(fleet="default")})
    port.attach()
    port.box.run("systemctl", "start", "--no-block", port.unit)
    wait_until(lambda: port.box.run("mountpoint", "-q", port.mount, check=False).returncode == 0, "it is mounted")
    files = port.pull_out()
    assert port.result == "success", "the display does not say that it cannot be read"
    assert files.keys() == {"site.wecall"}
    assert port.box.shell("ls /run/wecall-stick") == ""


TURN = "/run/wecall-stick/turn"


def test_a_stick_waits_until_another_one_is_done_with(port: Port) -> None:
    port.make({})
    port.attach()
    port.box.shell(f"mkdir -p /run/wecall-stick && ln -s sdz1 {TURN}")
    port.box.run("systemctl", "start", "--no-block", port.unit)
    wait_until(lambda: port.box.path(port.mount).is_dir(), "it waits")
    assert port.box.property_of(port.unit, "ActiveState") == "activating"
    assert port.box.run("mountpoint", "-q", port.mount, check=False).returncode != 0
    port.box.run("rm", TURN)
    wait_until(lambda: port.box.property_of(port.unit, "ActiveState") == "active", "its turn has come")
    assert port.box.shell("ls /run/wecall-stick") == "", "the next one may come while it is in still"
    (name,) = port.pull_out()
    assert name.startswith("identity-")


def test_a_stick_that_is_pulled_out_while_it_waits_takes_nobodys_turn(port: Port) -> None:
    port.make({})
    port.attach()
    port.box.shell(f"mkdir -p /run/wecall-stick && ln -s sdz1 {TURN}")
    port.box.run("systemctl", "start", "--no-block", port.unit)
    wait_until(lambda: port.box.path(port.mount).is_dir(), "it waits")
    assert port.pull_out() == {}
    assert port.box.shell(f"ls /run/wecall-stick; readlink {TURN}") == "turn\nsdz1\n"
    port.box.run("rm", TURN)


def test_a_file_system_of_another_kind_is_not_even_tried(port: Port) -> None:
    port.make({})
    port.box.shell(f"sed -i -e 's/^types=.*/types=vfat,exfat/' {SCRIPT}")
    port.plug_in()
    assert port.box.property_of(port.unit, "Result") == "exit-code"
    port.box.shell(f"sed -i -e 's/^types=.*/types=ext2/' {SCRIPT}")
    assert port.pull_out() == {}


def test_the_disk_that_the_system_runs_from_is_no_stick(port: Port) -> None:
    port.make({})
    port.attach()
    port.box.shell(f"mkdir -p /opt/in-use && mount -o ro /dev/{port.device} /opt/in-use")
    port.box.run("systemctl", "start", port.unit, check=False)
    assert port.box.property_of(port.unit, "ConditionResult") == "no"
    assert port.box.property_of(port.unit, "ActiveState") == "inactive"
    port.box.run("umount", "/opt/in-use")
    assert port.pull_out() == {}


ATTEMPTS = """
[Service]
ExecStart=
ExecStart=-/bin/sh -c 'touch %t/wecall-stick/%i/early && echo wrote early || echo refused early'
ExecStart=+/opt/wecall/lib/stick.sh let-write %i
ExecStart=-/bin/sh -c 'touch %t/wecall-stick/%i/late && echo wrote late || echo refused late'
ExecStart=-/bin/sh -c 'cd %t/wecall-stick/%i && cp /bin/true program && ./program && echo ran || echo refused program'
ExecStart=-/bin/sh -c 'dd if=/dev/%i of=/dev/null count=1 && echo read device || echo refused device'
ExecStart=-/bin/sh -c 'umount %t/wecall-stick/%i && echo unmounted || echo refused unmounting'
ExecStart=-/bin/sh -c 'mount -o remount,exec %t/wecall-stick/%i && echo remounted || echo refused remounting'
"""


def test_the_process_writes_only_once_it_is_let_and_never_reaches_more_of_the_stick(port: Port) -> None:
    port.make({})
    port.attach()
    unit = port.unit
    port.box.drop_in(unit, ATTEMPTS)
    try:
        port.box.run("systemctl", "start", unit, check=False)
        said = port.journal().splitlines()
        port.pull_out()
    finally:
        port.box.remove_drop_in(unit)
    outcomes = [line for line in said if re.match("(wrote|ran|read|unmounted|remounted|refused) ?", line)]
    assert outcomes == [
        "refused early", "wrote late", "refused program", "refused device", "refused unmounting", "refused remounting",
    ]  # fmt: skip
