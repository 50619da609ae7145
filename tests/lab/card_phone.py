"""A phone that starts from a card: what its holder, an installer with sticks and its operator do with it."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from tests.lab.certificates import CertificateAuthority
from tests.lab.handset_machine import CABLE, USER, HandsetMachine
from tests.lab.mosquitto import Mosquitto
from tests.lab.pc_card import PcCard
from tests.lab.releases import Releaser
from tests.lab.usb_stick import UsbStick
from tests.lab.virtual_machine import HOST, Computer

DEVICE: Final = "handset-1"

# What time services keep right; nobody here has one. Without STA_UNSYNC (ADJ_STATUS), which the kernel sets again where
# the greatest error is beyond a bound (ADJ_MAXERROR; adjtimex(2)).
_SYNCED: Final = """
import ctypes
words = (ctypes.c_int * 64)()
words[0] = 0x0010 | 0x0004
ctypes.CDLL(None).adjtimex(words)
"""


class CardPhone(HandsetMachine):
    """The phone.

    Attributes:
        broker: its operator's.
        authority: signs the certificates of broker and phone.
        announcer: signs the documents that announce updates.
    """

    architecture = "amd64"
    _patience_s = 600.0

    def __init__(self, scratch: Path, card: Path) -> None:
        self._card = card
        super().__init__(scratch)
        self.announcer = Releaser()
        self.authority = CertificateAuthority(scratch / "authority")
        self.broker = Mosquitto(scratch / "broker", self.authority, address=HOST, namespace=self._namespace)
        self._pins = f"""
[sync]
host = "{HOST}"
port = {self.broker.port}
ca = "/etc/wecall/ca.pem"
certificate = "/etc/wecall/broker.pem"
key = "/etc/wecall/broker.key"

[[trust.keys]]
public = "{self.announcer.trusted.public}"
signs = ["update"]
"""

    def _computer(self) -> Computer:
        return PcCard(self._scratch, self._card)

    def start(self) -> None:
        super().start()
        self.broker.start()

    def stop(self) -> None:
        super().stop()
        self.broker.stop()

    def _have_the_handset_run(self) -> None:
        issued = self.authority.issue(DEVICE)
        for path, name in (
            (self.authority.ca_path, "ca.pem"),
            (issued.certificate, "broker.pem"),
            (issued.key, "broker.key"),
        ):
            self._machine.write(f"/etc/wecall/{name}", path.read_text(), "0640", "wecall")
        self.shell(CABLE, timeout_s=self._patience_s)
        self.brings_what_no_card_has()
        self.run("systemctl", "restart", "wecall-handset.service", timeout_s=self._patience_s)

    def restarts(self, patience_s: float = 0) -> None:
        """Wait until it has started anew, and bring what no card has: sound, and a clock that is kept right."""
        self._timed("restart", lambda: self._machine.wait_for_restart(patience_s))
        self.brings_what_no_card_has()

    def cut_power(self) -> None:
        """Pull the plug, wherever it is, and put it in again."""
        self._machine.stop()
        self._machine.start()
        self.brings_what_no_card_has()

    def brings_what_no_card_has(self) -> None:
        self.run("modprobe", "snd-aloop")
        self.run("/usr/bin/python3", "-c", _SYNCED)

    def state(self) -> dict[str, Any]:
        """Return what root says of updates; nothing while the machine is starting."""
        said = self.run("cat", "/run/wecall-update/state.json", check=False).stdout
        state: dict[str, Any] = json.loads(said) if said.startswith("{") else {}
        return state

    def answers(self) -> None:
        """Wait until the handset answers, with its store open."""
        self.wait_until(
            lambda: "open" in self.run("wecall", "status", check=False).stdout.partition("store")[2].partition("\n")[0],
            "the store is open",
        )

    def becomes(self, condition: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait until root says so, and return what it says."""
        self.wait_until(lambda: condition(self.state()), what)
        return self.state()

    def kept(self) -> dict[str, str]:
        """Return what the phone has of its holder's, as it tells that itself."""
        self.answers()
        words = (("log", "--json"), ("contacts", "list"), ("consent", "list"), ("ledger", "verify"))
        return {" ".join(each): self.run("wecall", *each).stdout for each in words}

    def network(self) -> AbstractContextManager[None]:
        """Be where its operator's servers are."""
        return self._namespace.entered()

    def update_stick(self, update: Path) -> UsbStick:
        """Return a stick with an update on it."""
        self._sticks += 1
        stick = UsbStick(self._scratch / f"stick-{self._sticks}.img", size_mib=update.stat().st_size // 2**20 + 32)
        stick.write("wecall.raucb", update.read_bytes())
        return stick

    def update_status(self) -> dict[str, Any]:
        """Return what the handset says of updates."""
        said = self.run("wecall", "update", "status", "--json", check=False).stdout
        status: dict[str, Any] = json.loads(said) if said.startswith("{") else {}
        return status

    def waits_for_update(self, kind: str) -> None:
        """Wait until the handset has heard of an update of this kind."""
        self.wait_until(lambda: self.update_status().get("kind") == kind, f"a {kind} update waits")

    def registers_anew(self) -> None:
        """Wait until it registers once more."""
        self.registrar.forget(USER)
        self.wait_until(lambda: self.registrar.is_registered(USER), "the phone is registered anew")
