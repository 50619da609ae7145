"""The phones that are compared, each driven the way its user would, behind one small interface."""

import asyncio
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeVar

from tests.lab.handset import Handset
from tests.lab.phone_page import PhonePage
from tests.lab.ports import free_port
from tests.lab.scripted_peer import Dialog, ScriptedPeer, SipMessage
from tests.lab.web_phone import WebPhone

T = TypeVar("T")

# The name, clock and channels of each codec that can be asked for, as SDP has them (RFC 3551 section 6, RFC 7587).
CODECS: Final = MappingProxyType({"g722": "G722/8000/1", "opus": "opus/48000/2", "pcma": "PCMA/8000/1"})
# What linphone would offer by itself, and G722, which it has and does not offer.
_LINPHONE_CODECS: Final = (
    *CODECS.values(), "speex/16000/1", "speex/8000/1", "PCMU/8000/1", "G729/8000/1",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TlsWay:
    """How a server is reached by TLS: its port, and who vouches for it."""

    port: int
    authority: Path


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a phone sits: its account, its server and its sound devices.

    Attributes:
        user: user part of its address; any password does.
        port: the server's UDP port.
        ear, mouth: the PulseAudio sink that it plays to, and the one whose monitor it hears.
        broker: the configuration's [sync] table, for phones that have one.
        answers_itself: take calls without being asked, where the phone can.
        server: the server's address.
        codec: the only one to speak, of `CODECS`; the phone's own choice where empty.
        tls: of the handset that talks with a browser, which takes nothing but keys by DTLS.
    """

    folder: Path
    user: str
    password: str
    port: int
    ear: str
    mouth: str
    environment: Mapping[str, str]
    broker: Mapping[str, Any]
    answers_itself: bool
    server: str = "127.0.0.1"
    codec: str = ""
    tls: TlsWay | None = None


class Phone(Protocol):
    """A phone under test."""

    def sit_down(self) -> None:
        """Get ready whoever uses it, and what is no part of it."""
        ...

    def launch(self) -> None:
        """Start its processes without waiting for anything."""
        ...

    def connect(self) -> None:
        """Get hold of its controls."""
        ...

    def prepare(self, user: str) -> None:
        """Do all of dialling but the last key."""
        ...

    def press_last_key(self) -> None:
        """Press the key that sends the call."""
        ...

    def answer(self) -> None:
        """Take the call that comes in."""
        ...

    def hang_up(self) -> None:
        """End the call."""
        ...

    def stop(self) -> None:
        """End its processes."""
        ...

    @property
    def process_ids(self) -> list[int]:
        """All of its processes."""
        ...


class Ours:
    """The handset in the configuration that ships, with its devices on the simulator's page."""

    def __init__(self, seat: Seat) -> None:
        broker = "".join(f"{name} = {json.dumps(value)}\n" for name, value in seat.broker.items())
        broker = f"[sync]\n{broker}" if broker else ""
        codecs = f'codecs = ["{seat.codec}"]' if seat.codec else ""
        way, nat = f'port = {seat.port}\ntransport = "udp"\nsrtp = "off"', ""
        if seat.tls is not None:
            way = f'port = {seat.tls.port}\ntransport = "tls"\ntls_ca = "{seat.tls.authority}"\nsrtp = "dtls"'
            nat = "[nat]\nice = true\n"
        configuration = f"""
[device]
id = "{seat.user}"
country = "GB"
[sip]
local_port = 0
{codecs}
[dialing]
digit_map = ["xxx", "x.T"]
[sound]
playback = "{seat.ear}"
capture = "{seat.mouth}_monitor"
[ringer]
playback = "bell"
[[accounts]]
username = "{seat.user}"
domain = "localhost"
password = "{seat.password}"
server = "{seat.server}"
{way}
{nat}{broker}"""
        self._handset = Handset(seat.folder, configuration, seat.environment)
        self._loop = asyncio.new_event_loop()
        self._page: PhonePage | None = None
        self._last = ""
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    @property
    def process_ids(self) -> list[int]:
        return [self._handset.voice.pid, self._handset.main.pid, self._handset.sync.pid]

    def sit_down(self) -> None:
        self._handset.prepare()
        self._handset.simulator.start()

    def launch(self) -> None:
        self._handset.voice.launch()
        self._handset.main.launch()

    def connect(self) -> None:
        self._handset.main.wait_until_ready()
        # As its unit orders it: after the handset.
        self._handset.sync.start()
        self._page = PhonePage(self._handset.url)
        self._do(self._page.__aenter__())

    def prepare(self, user: str) -> None:
        page = self._its_page()
        self._do(page.lift())
        self._do(page.dial(user[:-1]))
        self._last = user[-1]

    def press_last_key(self) -> None:
        self._do(self._its_page().press(self._last))

    def answer(self) -> None:
        page = self._its_page()
        self._do(page.wait_until(lambda seen: bool(seen.state.get("ringing")), 10))
        self._do(page.lift())

    def hang_up(self) -> None:
        self._do(self._its_page().replace())

    def stop(self) -> None:
        if self._page is not None:
            self._do(self._page.__aexit__(None, None, None))
            self._page = None
        self._handset.stop()

    def _its_page(self) -> PhonePage:
        assert self._page is not None
        return self._page

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


class Baresip:
    """baresip with the configuration that it writes by itself, its devices and account apart; tuned where asked."""

    def __init__(self, seat: Seat, *, tuned: bool) -> None:
        self._seat = seat
        self._tuned = tuned
        self._control_port = free_port(socket.SOCK_STREAM)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._uri = ""

    @property
    def process_ids(self) -> list[int]:
        assert self._process is not None
        return [self._process.pid]

    def sit_down(self) -> None:
        """Nothing is to be done."""

    def launch(self) -> None:
        folder = self._seat.folder
        if not (folder / "config").exists():
            self._write_configuration(folder)
        self._process = _launch(["baresip", "-f", str(folder)], self._seat.environment, folder / "output.log")

    def connect(self) -> None:
        self._control = _connect(lambda: socket.create_connection(("127.0.0.1", self._control_port), timeout=5))

    def prepare(self, user: str) -> None:
        self._uri = f"sip:{user}@localhost"

    def press_last_key(self) -> None:
        self._command("dial", self._uri)

    def answer(self) -> None:
        """Nothing to do: its account answers by itself."""

    def hang_up(self) -> None:
        self._command("hangup")

    def stop(self) -> None:
        if self._control is not None:
            self._control.close()
        _end(self._process)

    def _command(self, name: str, parameters: str = "") -> None:
        assert self._control is not None
        text = json.dumps({"command": name, "params": parameters}).encode()
        self._control.sendall(b"%d:%b," % (len(text), text))

    def _write_configuration(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        writer = _launch(["baresip", "-f", str(folder), "-t", "1"], self._seat.environment, folder / "first.log")
        writer.wait(20)
        path = folder / "config"
        replaced = {
            "audio_player": f"alsa,{self._seat.ear}",
            "audio_source": f"alsa,{self._seat.mouth}_monitor",
            "audio_alert": "alsa,bell",
            "ctrl_tcp_listen": f"127.0.0.1:{self._control_port}",
            # It counts calls that have just ended, and is rung more often than that.
            "call_max_calls": "1000",
        }
        if self._tuned:
            replaced |= {"audio_buffer": "20-40", "jitter_buffer_type": "off"}
        text = path.read_text()
        for name, value in replaced.items():
            text = re.sub(rf"^#?{name}\s.*$", f"{name} {value}", text, flags=re.MULTILINE)
        address = "127.0.0.1" if self._seat.server == "127.0.0.1" else "0.0.0.0"
        seat = self._seat
        codecs = "module g722.so\nmodule opus.so\n" if seat.codec else ""
        # It hangs now and then when it is to silence ringing or ringback at once, and these are not what is measured.
        silent = "ring_aufile none\nringback_aufile none\n"
        path.write_text(f"{text}\nmodule_app ctrl_tcp.so\nsip_listen {address}:0\n{codecs}{silent}")
        # It knows G.722 by its rate and not, as SDP does, by its clock; what it does not know it passes over.
        only = f";audio_codecs={CODECS[seat.codec].replace('G722/8000', 'G722/16000')}" if seat.codec else ""
        (folder / "accounts").write_text(
            f"<sip:{seat.user}@localhost;transport=udp>;auth_pass={seat.password}"
            f";answermode={'auto' if seat.answers_itself else 'manual'}"
            f';outbound="sip:{seat.server}:{seat.port};transport=udp";regint=300{only}\n'
        )


class Linphone:
    """linphone-daemon with its defaults, its devices and account apart."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._pipe = seat.folder / "pipe"
        self._process: subprocess.Popen[bytes] | None = None
        self._uri = ""

    @property
    def process_ids(self) -> list[int]:
        assert self._process is not None
        return [self._process.pid]

    def sit_down(self) -> None:
        """Nothing is to be done."""

    def launch(self) -> None:
        seat = self._seat
        # Without a folder for its database it does not register.
        (seat.folder / ".local" / "share" / "linphone").mkdir(parents=True, exist_ok=True)
        configuration = seat.folder / "linphonerc"
        configuration.write_text(f"""
[sip]
sip_port=-1
sip_tcp_port=0
sip_tls_port=0
default_proxy=0
[proxy_0]
reg_proxy=<sip:{seat.server}:{seat.port};transport=udp>
reg_identity=sip:{seat.user}@localhost
reg_expires=300
reg_sendregister=1
[auth_info_0]
username={seat.user}
passwd={seat.password}
domain=localhost
[sound]
playback_dev_id=PulseAudio: {seat.ear}
ringer_dev_id=PulseAudio: bell
{_linphone_codecs(seat.codec)}""")
        # It knows devices by their descriptions, and a sink's monitor has none that it takes.
        environment = {**seat.environment, "HOME": str(seat.folder), "PULSE_SOURCE": f"{seat.mouth}.monitor"}
        arguments = ["linphone-daemon", "--pipe", str(self._pipe), "--config", str(configuration)]
        if seat.answers_itself:
            arguments.append("--auto-answer")
        self._process = _launch(arguments, environment, seat.folder / "output.log")

    def connect(self) -> None:
        self._ask("version")

    def prepare(self, user: str) -> None:
        self._uri = f"sip:{user}@localhost"

    def press_last_key(self) -> None:
        self._ask(f"call {self._uri}")

    def answer(self) -> None:
        """Nothing to do: it was told to answer by itself."""

    def hang_up(self) -> None:
        # It drops the connection where there is no call to end.
        with suppress(ConnectionError):
            self._ask("terminate")

    def stop(self) -> None:
        _end(self._process)

    def _ask(self, command: str) -> str:
        def connect() -> socket.socket:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(10)
            connection.connect(str(self._pipe))
            return connection

        with _connect(connect) as connection:
            connection.sendall(f"{command}\n".encode())
            return connection.recv(65536).decode(errors="replace")


class Chromium:
    """A page with WebRTC in a browser without a window. It has no account: its server is told where to find it.

    Attributes:
        uri: where that is.
    """

    def __init__(self, seat: Seat) -> None:
        # Chromium takes the devices that PulseAudio takes by itself.
        devices = {"PULSE_SINK": seat.ear, "PULSE_SOURCE": f"{seat.mouth}_microphone"}
        self._page = WebPhone(environment={**seat.environment, **devices}, has_sound_card=True)
        self._peer = _EndingPeer(seat.port, seat.user, address=_address_towards(seat), server=seat.server)
        self.uri = self._peer.uri
        self._called = ""

    @property
    def process_ids(self) -> list[int]:
        return self._page.process_ids

    def sit_down(self) -> None:
        """Nothing is to be done."""

    def launch(self) -> None:
        self._peer.__enter__()
        self._page.start()

    def connect(self) -> None:
        """Nothing to do: it is connected once it has started."""

    def prepare(self, user: str) -> None:
        self._called = user

    def press_last_key(self) -> None:
        self._peer.invite(self._called, body=self._page.offer())
        threading.Thread(target=self._talk, name="talk", daemon=True).start()

    def answer(self) -> None:
        try:
            invite = self._peer.take_call()
            self._peer.reply(invite, 200, body=self._page.answer(invite.body))
            self._peer.receive("ACK")
        except AssertionError as error:
            raise TimeoutError(f"No call came to the page: {error}") from error

    def hang_up(self) -> None:
        self._peer.end_call()
        self._page.hang_up()

    def stop(self) -> None:
        self._page.stop()
        self._peer.__exit__()

    def _talk(self) -> None:
        """Take the answer; where none comes, nothing is heard, and so the call is made again."""
        with suppress(AssertionError):
            answer = self._peer.receive(200, method="INVITE")
            self._peer.establish(answer)
            self._peer.acknowledge(answer)
            self._page.accept(answer.body)


class _EndingPeer(ScriptedPeer):
    """Lets the other end hang up whenever it wants to."""

    def end_call(self) -> None:
        """Hang up where the other end has not."""
        if self.dialog.remote:
            self.send("BYE")
        self._leave()

    def _answers_by_itself(self, message: SipMessage, _source: tuple[str, int]) -> bool:
        if message.code or message.method != "BYE":
            return False
        self.reply(message, 200)
        self._leave()
        return True

    def _leave(self) -> None:
        self.dialog = Dialog("", "", "", "")
        self.forget()


def _address_towards(seat: Seat) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((seat.server, seat.port))
        return str(way.getsockname()[0])


def _linphone_codecs(only: str) -> str:
    """Return the part of linphone's configuration that leaves it one codec; nothing where it keeps its own."""
    wanted = CODECS.get(only, "")
    sections = [
        f"[audio_codec_{number}]\nmime={mime}\nrate={rate}\nchannels={channels}\nenabled={int(codec == wanted)}\n"
        for number, codec in enumerate(_LINPHONE_CODECS)
        for mime, rate, channels in [codec.split("/")]
    ]
    return "".join(sections) if only else ""


def _launch(arguments: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            arguments,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _connect(connect: Any, timeout_s: float = 20) -> socket.socket:
    ends_s = time.monotonic() + timeout_s
    while True:
        try:
            connection: socket.socket = connect()
        except OSError:
            if time.monotonic() > ends_s:
                raise
            time.sleep(0.05)
        else:
            return connection


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    process.terminate()
    try:
        process.wait(8)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
