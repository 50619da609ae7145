"""A home with nothing in it but the handset's two processes, and one cable out, on which every frame is kept.

Everybody else is at the other end: registrar, name server, relay to the broker, those who are called. Whatever the
handset may send to anybody in the world leaves by that cable: it is the default route.
"""

import contextlib
import ctypes
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final, Self, TypeVar

from tests.lab.answering_peer import AnsweringPeer, Settings
from tests.lab.certificates import CertificateAuthority
from tests.lab.handset import Handset
from tests.lab.kamailio import Kamailio
from tests.lab.mosquitto import Mosquitto
from tests.lab.name_server import NameServer
from tests.lab.network import Namespace, VethCable
from tests.lab.packets import PacketTrace
from tests.lab.person import Person
from tests.lab.ports import free_port
from tests.lab.pulse import PulseAudio
from tests.lab.relay import Relay
from tests.lab.scripted_peer import ScriptedPeer
from tests.lab.sync_site import DEVICE

HOME: Final = "10.9.0.1"
OUTSIDE: Final = "10.9.0.2"
OUTSIDE_6: Final = "fd09::2"
REGISTRAR: Final = "sip.example"
BROKER: Final = "broker.example"
PERSON: Final = "201"
FRIEND: Final = "600"
FLEET: Final = "lab"
DNS_PORT: Final = 53
_PASSWORD: Final = "planted-password-of-the-account"
# linux/sched.h, linux/mount.h
_CLONE_NEWNS: Final = 0x20000
_MS_BIND: Final = 0x1000
_MS_PRIVATE_ALL: Final = 0x44000

_libc = ctypes.CDLL(None, use_errno=True)
_T = TypeVar("_T")


class WatchedHome:
    """Set up by `watched_home`.

    Attributes:
        home, outside: the two networks.
        trace: what passes the handset's end of the cable.
        friend: somebody who answers each call and sends back what they hear.
    """

    def __init__(self, folder: Path, relay_port: int, capture: str, extra: str) -> None:
        self.folder = folder
        self.home = Namespace()
        self.outside = Namespace()
        self.authority = CertificateAuthority(folder / "ca")
        self.pulse = PulseAudio(folder / "pulse", ("ear", "mic", "bell"))
        self.broker = Mosquitto(folder / "broker", self.authority)
        self.relay_port = relay_port
        self._capture = capture
        self.registrar = Kamailio(
            folder / "registrar",
            {PERSON: _PASSWORD, FRIEND: "of the friend"},
            addresses=[OUTSIDE],
            namespace=self.outside,
        )
        self.friend = AnsweringPeer(
            Settings(FRIEND, "of the friend", f"sip:{OUTSIDE}:{self.registrar.udp_port}"), folder / "friend.log"
        )
        self.rtp_port = free_port(socket.SOCK_DGRAM)
        self.handset = Handset(folder / "handset", self._configuration(extra), self.pulse.environment)
        self._cable = VethCable(
            self.home, self.outside, [f"{HOME}/24", "fd09::1/64"], [f"{OUTSIDE}/24", f"{OUTSIDE_6}/64"]
        )
        self.trace = PacketTrace(self._cable.first)

    @contextlib.contextmanager
    def running(self, *, broker: bool) -> Iterator[Self]:
        """Start everything but the handset."""
        with contextlib.ExitStack() as stack:
            for network in (self.home, self.outside, self._cable):
                stack.enter_context(network)
            self.home.ip("route", "add", "default", "via", OUTSIDE)
            self.home.ip("-6", "route", "add", "default", "via", OUTSIDE_6)
            stack.enter_context(self.trace)
            stack.enter_context(self.registrar)
            with self.outside.entered():
                records = {f"{name} A": [OUTSIDE] for name in (REGISTRAR, BROKER)}
                stack.enter_context(NameServer(records, address=OUTSIDE, port=DNS_PORT))
                stack.enter_context(self.friend)
            if broker:
                stack.enter_context(self.broker)
            self.pulse.start()
            stack.callback(self.pulse.stop)
            stack.callback(self.handset.stop)
            yield self

    def start_handset(self, *, sync: bool) -> None:
        """Start the handset at home, where names are asked of the name server outside."""
        self._at_home(lambda: self.handset.start(sync=sync))

    @contextlib.asynccontextmanager
    async def person(self) -> AsyncIterator[Person]:
        """Somebody at the handset, whose page is seen from home only."""
        person = Person(self.handset)
        with self.home.entered():
            await person.__aenter__()
        try:
            await person.wait_for_line()
            yield person
        finally:
            await person.__aexit__(None, None, None)

    @contextlib.asynccontextmanager
    async def relay(self) -> AsyncIterator[Relay]:
        """End TLS between the handset and its broker, outside."""
        relay = Relay(self.authority, self.authority.issue(DEVICE), self.broker.port, address=OUTSIDE, names=(BROKER,))
        relay.port = self.relay_port
        with self.outside.entered():
            await relay.start()
        try:
            yield relay
        finally:
            await relay.stop()

    @contextlib.contextmanager
    def stranger(self, number: str) -> Iterator[ScriptedPeer]:
        """Somebody beyond the operator's trunk, who says what a test has them say."""
        with self.outside.entered():
            peer = ScriptedPeer(self.registrar.udp_port, number, address=OUTSIDE, server=OUTSIDE)
        with peer:
            self.registrar.route(number, peer.uri)
            yield peer

    def _at_home(self, function: Callable[[], _T]) -> _T:
        """Run a function on a thread that is at home, and whose programs find the name server there."""
        resolver = self.folder / "resolv.conf"
        resolver.write_text(f"nameserver {OUTSIDE}\nsearch .\noptions timeout:1\n", encoding="ascii")
        results: list[_T] = []
        failures: list[BaseException] = []

        def run() -> None:
            try:
                with self.home.entered():
                    _cover(Path("/etc/resolv.conf"), resolver)
                    results.append(function())
            except BaseException as failure:
                failures.append(failure)
                raise

        thread = threading.Thread(target=run, name="at-home")
        thread.start()
        thread.join()
        if failures:
            raise failures[0]
        return results[0]

    def _configuration(self, extra: str) -> str:
        device = self.authority.issue(DEVICE)
        return f"""
[device]
id = "{DEVICE}"
fleet = "{FLEET}"
country = "GB"
language = "en"
region = "GB"

[[accounts]]
username = "{PERSON}"
domain = "localhost"
server = "{REGISTRAR}"
port = {self.registrar.udp_port}
transport = "udp"
srtp = "off"
password = "{_PASSWORD}"

[sip]
local_port = 0
rtp_port = {self.rtp_port}

[sync]
host = "{BROKER}"
port = {self.relay_port}
ca = "{self.authority.ca_path}"
certificate = "{device.certificate}"
key = "{device.key}"
region = "CN"
retry_base_s = 0.2

[sound]
playback = "ear"
capture = "{self._capture}"

[ringer]
playback = "bell"
{extra}"""


@contextlib.contextmanager
def watched_home(
    folder: Path, *, broker: bool = True, capture: str = "mic_monitor", extra: str = ""
) -> Iterator[WatchedHome]:
    """Build it, without the handset running yet.

    Args:
        folder: where everything keeps its files.
        broker: whether there is one.
        capture: the PCM that the handset records from.
        extra: more of the handset's configuration.
    """
    with WatchedHome(folder, free_port(socket.SOCK_STREAM), capture, extra).running(broker=broker) as home:
        yield home


def _cover(path: Path, content: Path) -> None:
    """Let the calling thread, and what it starts, see another file at a path."""
    private = _libc.unshare(_CLONE_NEWNS) == 0 and _libc.mount(b"none", b"/", None, _MS_PRIVATE_ALL, None) == 0
    if not private or _libc.mount(bytes(content), bytes(path.resolve()), None, _MS_BIND, None) != 0:
        raise OSError(ctypes.get_errno(), f"The file {path} could not be covered for the handset")


def is_sip(payload: bytes) -> bool:
    """Whether these bytes are a SIP message."""
    line = payload.partition(b"\r\n")[0]
    return line.startswith(b"SIP/2.0 ") or line.endswith(b" SIP/2.0")
