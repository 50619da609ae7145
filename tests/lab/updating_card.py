"""A PC that starts from a card and is renewed step by step, as root's service is asked to; its power may go.

Nobody is on its network. Its handset is given the sample configuration, since it keeps no store without one.
"""

import base64
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from firmware.setup.root.boot.choice import Slot
from tests.fakes.boot_firmware import Started
from tests.lab.card_releases import CardReleases
from tests.lab.installed_box import VENV_PYTHON
from tests.lab.network import Namespace
from tests.lab.pc_card import IMAGE, PcCard
from tests.lab.usb_stick import UsbStick
from tests.lab.virtual_machine import AGENT_UNIT, TimerLostError, VirtualMachine

VERSION: Final = "9.0"
"""The version that it is renewed to: what it has already, by a higher number."""

_KEYS: Final = IMAGE.parents[1] / "release"

# In a folder, where whoever looks at sticks does not look.
_NAME: Final = "updates/new.raucb"
_STICK: Final = "/run/update-stick"
_LABEL: Final = "/dev/disk/by-label/INSTALLER"

_START_WITHIN_S: Final = 540
# The configuration is copied where there is none (tmpfiles.d(5)), before anything of the phone's runs. And two of these
# computers beside each other are slower than any phone: what is given up for that would begin to start anew each time.
_CONFIGURED: Final = {
    "tmpfiles.extra": "C /etc/wecall/config.toml 0640 root wecall - /opt/wecall/share/config.example.toml\n",
    **{
        f"systemd.unit-dropin.wecall-{name}.service": f"[Service]\nTimeoutStartSec={_START_WITHIN_S}\n"
        for name in ("fetch", "handset", "lan", "sync", "update", "voice")
    },
}

# By then its root and its data are there, which is what a bootloader's choice comes to.
_NOTHING_ELSE: Final = {
    "systemd.extra-unit.default.target": "[Unit]\nDefaultDependencies=no\nRequires=machine-agent.service\n",
    "systemd.extra-unit.machine-agent.service": AGENT_UNIT.replace("[Unit]\n", "[Unit]\nDefaultDependencies=no\n"),
}

_ASK: Final = f"""
import asyncio, sys
from firmware.setup.update.root_updates import RootUpdates
async def ask(wish):
    root = RootUpdates()
    if wish == "install":
        with open("{_STICK}/{_NAME}", "rb") as file:
            return await root.install("", lambda _percent: None, file=file)
    return await (root.start_trial() if wish == "trial" else root.say(works=True))
print(asyncio.run(ask(sys.argv[1])).model_dump_json())
"""


def make_update_stick(folder: Path) -> UsbStick:
    """Make a stick with an update to VERSION, signed by the key that the card trusts.

    Raises:
        RuntimeError: there is no root to make it of.
    """
    made = CardReleases(folder, _KEYS).make(VERSION).update
    stick = UsbStick(folder / "stick.img", size_mib=made.stat().st_size // 2**20 + 48)
    stick.make_folder(Path(_NAME).parent.name)
    stick.write(_NAME, made.read_bytes())
    return stick


class UpdatingCard:
    """The computer, with the stick in it.

    Args:
        folder: for its card and its sockets; the card stays as it is from one start to the next.
        image: what is written to the card at first.
        stick: from make_update_stick; left out where nothing is to be installed.
        writes: a log of all that is written to the card; see PcCard.

    Attributes:
        card, machine: what it is made of.
    """

    def __init__(
        self, folder: Path, image: Path, namespace: Namespace, stick: Path | None = None, writes: Path | None = None
    ) -> None:
        self._stick = stick
        self.card = PcCard(folder, image, writes, _CONFIGURED)
        self.machine = VirtualMachine(folder, self.card, namespace)

    def start(self) -> None:
        """Switch it on, and wait until its handset runs, with its store, and root has said how it stands.

        Raises:
            AssertionError: they do not.
            RuntimeError: it did not boot.
        """
        self._switch_on()
        self._settle()
        if self._stick is not None:
            self.machine.plug_in(self._stick)

    def boot(self) -> None:
        """Switch it on, and wait until its system runs, without any of its services.

        Raises:
            RuntimeError: it did not boot.
        """
        self.card.credentials |= _NOTHING_ELSE
        self._switch_on()

    def leave_card(self, folder: Path) -> None:
        """Leave in a folder the card that there would be if its plug were pulled now; it goes on as if nothing were."""
        with self.machine.held():
            self.card.leave_to(folder)

    def cut_power(self) -> None:
        """Pull its plug, whatever it does."""
        self.machine.stop()

    @property
    def started(self) -> Started:
        """The system that runs, and whether the bootloader says that it is tried."""
        slot = self.machine.run("cat", "/run/wecall-update/slot").stdout.strip()
        words = self.machine.run("cat", "/proc/cmdline").stdout.split()
        return Started(Slot(slot), as_trial="wecall.trial" in words)

    def state(self) -> dict[str, Any]:
        """Return what root says of updates."""
        state: dict[str, Any] = json.loads(self.machine.run("cat", "/run/wecall-update/state.json").stdout)
        return state

    @property
    def store_key(self) -> bytes:
        """What its store is encrypted with, as the service manager hands it to the handset."""
        key = "systemd-creds decrypt --name=store-key /etc/wecall/credentials/store-key - | base64 -w0"
        return base64.b64decode(self.machine.shell(key))

    def update(self) -> None:
        """Renew it, from wherever that was cut off; a version that was cut off in three trials is given up.

        Raises:
            AssertionError: a step failed.
            OSError, ValueError: the power was cut.
        """
        if self.state()["on_trial"]:
            self._ask("works")
        while self.state()["last"] not in {"applied", "went_back"}:
            if self.state()["installed"] != VERSION:
                self.machine.shell(
                    f"timeout 60 bash -c 'until [ -e {_LABEL} ]; do sleep 0.2; done'\n"
                    f"mkdir -p {_STICK}; mountpoint -q {_STICK} || mount -o ro -t vfat {_LABEL} {_STICK}"
                )
                self._ask("install")
            # The machine starts anew before anybody here could read an answer.
            self.machine.run("systemd-run", "--quiet", VENV_PYTHON, "-I", "-c", _ASK, "trial")
            self.machine.wait_for_restart()
            self._settle()
            self._ask("works")

    def _switch_on(self) -> None:
        with TemporaryDirectory(dir=self.card.card.parent) as folder:
            self.card.leave_to(Path(folder))
            try:
                self.machine.start()
            except TimerLostError:
                self.card.take_from(Path(folder))
                self.machine.start()

    def _settle(self) -> None:
        # The handset says that it is ready once its store is open; root's service has ended by then what it recovers.
        units = "wecall-update.service wecall-handset.service"
        self.machine.shell(f"until systemctl start {units}; do sleep 2; done", timeout_s=2 * _START_WITHIN_S)
        self.machine.run("wecall", "ledger", "verify")

    def _ask(self, wish: str) -> None:
        said = self.machine.run(VENV_PYTHON, "-I", "-c", _ASK, wish, timeout_s=1800).stdout
        assert json.loads(said.splitlines()[-1])["outcome"] == "done", f"{said}\n{self._journal()}"

    def _journal(self) -> str:
        return self.machine.shell("journalctl --no-pager -b -n 60 -u rauc -u wecall-update", check=False)
