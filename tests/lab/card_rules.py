"""The card's own firewall rules in force in a network namespace, whose every process counts as voice."""

import contextlib
import importlib.util
import ipaddress
import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from firmware.setup.root.media import Door, let_through
from provisioning.schema import Configuration
from tests.lab.network import Namespace

_SYSTEMD: Final = Path(__file__).parents[2] / "systemd"
_NOBODY_ELSE: Final = 54321


@contextlib.contextmanager
def card_rules(
    place: Namespace, configuration: Configuration, addresses: Mapping[str, Sequence[str]], socket_path: Path
) -> Iterator[None]:
    """Load them, and run what lets through whom calls name.

    Args:
        place: where; nothing but voice may run there.
        configuration: the handset's.
        addresses: those of the servers that it names.
        socket_path: where voice says whom its calls name.
    """
    rules = re.sub(r'skuid "wecall-voice"', f"skuid {os.getuid()}", _ruleset(place, configuration, addresses))
    place.run("nft", "-f", "-", stdin=re.sub(r'skuid "[a-z-]+"', f"skuid {_NOBODY_ELSE}", rules))
    ended = threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(socket_path))
        listener.listen()
        serving = threading.Thread(target=_serve, args=(place, listener, ended), name="door", daemon=True)
        serving.start()
        try:
            yield
        finally:
            ended.set()
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as last:
                last.connect(str(socket_path))
            serving.join()
            socket_path.unlink()


def refused(place: Namespace) -> tuple[int, int]:
    """Return how many packets the rules have kept from going out, and from coming in."""
    chains = place.run("nft", "list", "table", "inet", "wecall")
    counted = re.findall(r"counter packets (\d+) bytes \d+ (reject|drop)", chains)
    out, come = (sum(int(count) for count, verdict in counted if verdict == wanted) for wanted in ("reject", "drop"))
    return out, come


def lets_through(place: Namespace, address: str) -> bool:
    """Say whether a call has named an address."""
    version = ipaddress.ip_address(address).version
    return f" {address} timeout" in place.run("nft", "list", "set", "inet", "wecall", f"described{version}")


def _serve(place: Namespace, listener: socket.socket, ended: threading.Event) -> None:
    # The programs that this thread starts are in there, too.
    with place.entered():
        door = Door(listener, os.getuid(), let_through)
        while not ended.is_set():
            door.answer_once()


def _ruleset(place: Namespace, configuration: Configuration, addresses: Mapping[str, Sequence[str]]) -> str:
    spec = importlib.util.spec_from_file_location("firewall_of_lab", _SYSTEMD / "firewall.py")
    assert spec is not None
    assert spec.loader is not None
    firewall: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(firewall)
    firewall.RULES = _SYSTEMD / "wecall.nft"
    firewall.RESOLVERS = firewall.MORE_MEDIA = Path(os.devnull)
    with place.entered():
        rules: str = firewall.ruleset([configuration], addresses, None)
    return rules
