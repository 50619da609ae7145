"""Networks that can be broken: namespaces, and the cables between them.

    with (
        Namespace() as home,
        Namespace() as operator,
        VethCable(home, operator, ["10.9.0.1/24", "fd09::1/64"], ["10.9.0.2/24", "fd09::2/64"]) as cable,
    ):
        phone = subprocess.Popen(home.command("baresip", "-f", folder))  # its pid is the phone's own
        with operator.entered():                                         # this thread's new sockets belong there
            registrar = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cable.blackhole()                                                # packets vanish, and nobody is told
        cable.heal()
        cable.first.change_addresses("10.9.0.7/24")                      # what a new DHCP lease does
        cable.first.set_up(False)                                        # the plug is pulled: the kernel tells

A namespace may have any number of cables, so a phone can have one to each of two registrars. `loss_emulator.LossyCable`
is a cable that also loses, delays and reorders. A namespace is gone when it has been stopped and its processes have
ended; stopping it ends no process. Only root may make one.
"""

import contextlib
import ctypes
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_CLONE_NEWNET: Final = 0x40000000  # linux/sched.h; os.unshare and os.setns came with Python 3.12
_BLACKHOLE: Final = "wecall_lab_blackhole"
INSIDE: Final = "192.168.7.2"
"""The address of what is behind a router."""
_ROUTER_INSIDE: Final = "192.168.7.1"

_libc = ctypes.CDLL(None, use_errno=True)


def current_network() -> str:
    """Return the network namespace that the calling thread is in, and with it what it starts."""
    return str(Path("/proc/thread-self/ns/net").readlink())


class Namespace:
    """A network of its own, with a loopback device and whatever cables are plugged in."""

    def __init__(self) -> None:
        self._descriptor = -1
        self._cables = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Make it.

        Raises:
            RuntimeError: this machine or user cannot; the message says why.
        """
        if os.geteuid() != 0:
            raise RuntimeError("The network tests make network namespaces, which only root may. Run them as root.")
        for tool in ("ip", "nsenter", "nft"):
            if shutil.which(tool) is None:
                raise RuntimeError(f"The network tests need `{tool}`; debian-packages.txt names its package.")
        # A namespace belongs to a thread; this one ends, and the descriptor keeps what it made.
        maker = threading.Thread(target=self._make)
        maker.start()
        maker.join()
        if self._descriptor < 0:
            raise RuntimeError("The kernel refused a network namespace. Are there too many, or is this a container?")
        self.ip("link", "set", "lo", "up")

    def stop(self) -> None:
        """Let go of it; the kernel removes it, with its devices, once no process is in it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def path(self) -> str:
        """Where programs find it."""
        return f"/proc/{os.getpid()}/fd/{self._descriptor}"

    def command(self, *words: str | os.PathLike[str]) -> list[str]:
        """Return what to run instead of a command so that it runs in here, under the process id it is started with."""
        return ["nsenter", f"--net={self.path}", "--", *(os.fspath(word) for word in words)]

    def run(self, *words: str | os.PathLike[str], stdin: str = "") -> str:
        """Run a command in here to its end and return what it printed.

        Raises:
            RuntimeError: it failed; the message holds what it said.
        """
        ended = subprocess.run(
            self.command(*words), input=stdin, capture_output=True, text=True, check=False, timeout=30
        )
        if ended.returncode != 0:
            command = " ".join(os.fspath(word) for word in words)
            raise RuntimeError(f"`{command}` failed in a namespace: {ended.stderr.strip()}")
        return ended.stdout

    def ip(self, *words: str) -> None:
        """Configure the network with one command of ip(8)."""
        self.run("ip", *words)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Put the calling thread in here for a while.

        Sockets and devices that it opens belong here for as long as they live; threads that it starts stay here.
        """
        outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _set_namespace(self._descriptor)
            try:
                yield
            finally:
                _set_namespace(outside)
        finally:
            os.close(outside)

    def next_device(self) -> str:
        """Return a name for one more device in here."""
        self._cables += 1
        return f"cable{self._cables - 1}"

    def _make(self) -> None:
        if _libc.unshare(_CLONE_NEWNET) == 0:
            self._descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY)


class NamedNamespace(Namespace):
    """A network that somebody else has made and named."""

    def __init__(self, place: Path) -> None:
        """`place` is where it is mounted."""
        super().__init__()
        self._place = place

    def start(self) -> None:
        """Take hold of it."""
        self._descriptor = os.open(self._place, os.O_RDONLY)


class CableEnd:
    """One end of a cable: a device in a namespace, with its addresses.

    Attributes:
        namespace: where it is plugged in.
        device: its name there.
        addresses: those that it has, each with its prefix length.
    """

    def __init__(self, namespace: Namespace, addresses: Sequence[str]) -> None:
        self.namespace = namespace
        self.device = namespace.next_device()
        self.addresses = tuple(addresses)

    def prepare(self) -> None:
        """Give the device its addresses and set it up."""
        for address in self.addresses:
            self._add(address)
        self.set_up(True)

    def change_addresses(self, *addresses: str) -> None:
        """Take other addresses instead; routes that used the old ones are gone, as after a new DHCP lease."""
        for address in self.addresses:
            self.namespace.ip("address", "del", address, "dev", self.device)
        self.addresses = addresses
        for address in addresses:
            self._add(address)

    def set_up(self, up: bool) -> None:
        """Set the device up or down; IPv6 addresses do not survive being down, and neither do routes."""
        self.namespace.ip("link", "set", self.device, "up" if up else "down")

    def wait_until_it_carries(self, timeout_s: float = 5) -> None:
        """Wait until the kernel has noticed that both ends are plugged in; IPv6 needs that, and it may take a second.

        Raises:
            RuntimeError: it has not.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            (link,) = json.loads(self.namespace.run("ip", "-json", "link", "show", "dev", self.device))
            if link["operstate"] != "DOWN" and "LOWER_UP" in link["flags"]:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"The cable's end {self.device} carries nothing after {timeout_s:.0f} s.")
            time.sleep(0.02)

    def swallow(self, swallowed: bool) -> None:
        """Drop everything that comes in here, or nothing any more."""
        table = f"table inet {_BLACKHOLE}_{self.device}"
        # Naming the table first makes deleting it no mistake where there is none.
        script = f"{table}\ndelete {table}\n"
        if swallowed:
            rule = f'type filter hook prerouting priority raw; iifname "{self.device}" drop;'
            script += f"{table} {{\n chain arriving {{ {rule} }}\n}}\n"
        self.namespace.run("nft", "-f", "-", stdin=script)

    def _add(self, address: str) -> None:
        # Duplicate address detection would leave an IPv6 address unusable for a second.
        words = ["-6", "nodad"] if ":" in address else ["-4"]
        self.namespace.ip(words[0], "address", "add", address, "dev", self.device, *words[1:])


class Cable:
    """A cable between two namespaces.

    Attributes:
        first, second: its ends.
    """

    def __init__(
        self, first: Namespace, second: Namespace, first_addresses: Sequence[str], second_addresses: Sequence[str]
    ) -> None:
        """Set up without plugging in.

        Args:
            first, second: where its ends go; started by then.
            first_addresses, second_addresses: the ends' addresses, each with its prefix length.
        """
        self.first = CableEnd(first, first_addresses)
        self.second = CableEnd(second, second_addresses)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Plug both ends in."""
        self._lay()
        for end in (self.first, self.second):
            end.prepare()
        for end in (self.first, self.second):
            end.wait_until_it_carries()

    def stop(self) -> None:
        """Pull both ends out."""
        raise NotImplementedError

    def blackhole(self) -> None:
        """Let every packet vanish from now on, in both directions, without a word to anybody."""
        self.first.swallow(True)
        self.second.swallow(True)

    def heal(self) -> None:
        """Undo `blackhole`."""
        self.first.swallow(False)
        self.second.swallow(False)

    def _lay(self) -> None:
        """Make the devices at both ends."""
        raise NotImplementedError


class VethCable(Cable):
    """A perfect cable: a pair of virtual Ethernet devices."""

    def stop(self) -> None:
        # The other end goes with it; where its namespace is gone already, both are.
        with contextlib.suppress(RuntimeError):
            self.first.namespace.ip("link", "del", self.first.device)

    def _lay(self) -> None:
        first, second = self.first, self.second
        peer = ("peer", "name", second.device, "netns", second.namespace.path)
        first.namespace.ip("link", "add", first.device, "type", "veth", *peer)


@contextlib.contextmanager
def behind_a_router(router: Namespace, device: str) -> Iterator[Namespace]:
    """Make a network behind another, which becomes a router that translates addresses, to ports of its own choice.

    Args:
        router: what it is behind.
        device: where that has the world.
    """
    with Namespace() as inside, VethCable(inside, router, [f"{INSIDE}/24"], [f"{_ROUTER_INSIDE}/24"]):
        inside.ip("route", "add", "default", "via", _ROUTER_INSIDE)
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        rule = f'type nat hook postrouting priority srcnat; oifname "{device}" masquerade random;'
        router.run("nft", "-f", "-", stdin=f"table ip nat {{\n chain out {{ {rule} }}\n}}\n")
        yield inside


def _set_namespace(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "The thread could not change its network namespace")
