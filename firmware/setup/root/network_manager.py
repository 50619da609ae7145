"""Has NetworkManager take up what was written for it; it may be absent, or not run yet while a machine starts."""

import configparser
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from firmware.base.durable import replace_durably
from firmware.setup.root.connections import CABLE, VLAN, WIFI, read_wifi
from firmware.setup.root.machine import Machine

_STATE: Final = "var/lib/NetworkManager/NetworkManager.state"
"""Where NetworkManager keeps whether Wi-Fi is on, and looks when it starts."""

_CABLE_S: Final = "20"
_WIFI_S: Final = "30"
"""A password is not turned away before some tries."""

_RADIO_S: Final = 20.0
"""So long a radio may take until it can look for networks once it is on."""

_LOOK_S: Final = 0.5


class NetworkManager:
    """The service.

    Args:
        machine: on which it runs.
        sleep: waits for some seconds.
    """

    def __init__(self, machine: Machine, sleep: Callable[[float], None] = time.sleep) -> None:
        self._machine = machine
        self._sleep = sleep

    @property
    def radio(self) -> bool | None:
        """Whether Wi-Fi is switched on; None where nobody can say."""
        said = self._machine.run("nmcli", "-t", "radio", "wifi")
        return None if said is None else said.strip() == "enabled"

    def take_up(self, present: Mapping[str, bytes], changed: Collection[str], radio: bool | None) -> bool:
        """Have it go by its files as they are now; what did not change is not disturbed.

        Args:
            present: the keyfiles that are ours, by the name of their connection.
            changed: the names of those that were written or removed.
            radio: whether Wi-Fi is to be on; None where that stays as it is.

        Returns:
            False where Wi-Fi networks in reach do not let the handset in, and no other one does; for all else the trial
            shows what became of it.
        """
        run = self._machine.run
        if run("nmcli", "connection", "reload") is None:
            if radio is not None:
                self._keep_radio(on=radio)
            return True
        if radio is not None:
            run("nmcli", "radio", "wifi", "on" if radio else "off")
        if {CABLE, VLAN} & set(changed):
            for name in (CABLE, VLAN):
                if name in present:
                    run("nmcli", "--wait", _CABLE_S, "connection", "up", "id", name)
        networks = {name: read_wifi(content) for name, content in present.items() if name.startswith(WIFI)}
        if not networks or not (radio or any(name.startswith(WIFI) for name in changed)):
            return True
        return self._join(networks)

    def _join(self, networks: Mapping[str, tuple[bytes, bool]]) -> bool:
        """Get onto the best network that is in reach: the radio is on one at a time."""
        self._wait_for_radio()
        in_reach = self._in_reach("yes")
        for name in sorted(networks):
            ssid, is_hidden = networks[name]
            if (ssid in in_reach or is_hidden) and self._goes_up(name):
                return True
        # Where the name of a hidden one is known by now, it has been found.
        in_reach |= self._in_reach("no")
        return not any(ssid in in_reach for ssid, _ in networks.values())

    def _goes_up(self, name: str) -> bool:
        return self._machine.run("nmcli", "--wait", _WIFI_S, "connection", "up", "id", name) is not None

    def _in_reach(self, rescan: str) -> set[bytes]:
        """Return the names of the networks that the radio receives."""
        said = self._machine.run("nmcli", "-g", "SSID-HEX", "device", "wifi", "list", "--rescan", rescan) or ""
        return {bytes.fromhex(line) for line in said.split()}

    def _wait_for_radio(self) -> None:
        """Wait until a radio that was switched on just now can be used; none may be there at all."""
        for _ in range(int(_RADIO_S / _LOOK_S)):
            said = self._machine.run("nmcli", "-g", "TYPE,STATE", "device") or ""
            if "wifi:unavailable" not in said.splitlines():
                return
            self._sleep(_LOOK_S)

    def _keep_radio(self, *, on: bool) -> None:
        """Write down what NetworkManager goes by when it starts."""
        path = self._machine.root / _STATE
        if not path.parent.is_dir():
            return
        kept = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        # Its names are told apart by the size of their letters.
        kept.optionxform = str  # type: ignore[assignment,method-assign]
        kept.read(path)
        if not kept.has_section("main"):
            kept.add_section("main")
        kept["main"]["WirelessEnabled"] = str(on).lower()
        text = "".join(
            f"[{title}]\n" + "".join(f"{name}={value}\n" for name, value in kept[title].items())
            for title in kept.sections()
        )
        replace_durably(path, text.encode())
