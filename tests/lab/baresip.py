"""baresip: another phone, driven over its control connection."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.lab.arrivals import Arrivals
from tests.lab.patience import PATIENCE_S
from tests.lab.ports import free_port

START_TIMEOUT_S = 30.0
MODULES = Path("/usr/lib/baresip/modules")


class Baresip:
    """A softphone with one account.

    Its microphone and earpiece are whatever its modules are told; silence where nothing is said.
    """

    def __init__(
        self,
        folder: Path,
        user: str,
        password: str,
        *,
        port: int,
        transport: str = "udp",
        domain: str = "localhost",
        ca: Path | None = None,
        srtp: bool = False,
        dtls: bool = False,
        audio_source: str = "aubridge,nowhere",
        audio_player: str = "aubridge,nowhere",
        extra_modules: tuple[str, ...] = (),
        extra_configuration: tuple[str, ...] = (),
    ) -> None:
        """Set up without starting.

        Args:
            folder: where its configuration goes.
            user: user part of its address.
            password: its digest password.
            port: the registrar's port on loopback.
            transport: udp, tcp or tls.
            domain: host part of its address.
            ca: PEM file with the authorities that it trusts, for TLS.
            srtp: insist on SRTP with keys in the SDP.
            dtls: insist on SRTP with keys by DTLS.
            audio_source: baresip's words for its microphone.
            audio_player: baresip's words for its earpiece.
            extra_modules: more of its modules.
            extra_configuration: more lines of its configuration.
        """
        self._folder = folder
        self._user = user
        self._password = password
        self._port = port
        self._transport = transport
        self._domain = domain
        self._ca = ca
        self._srtp = srtp
        self._dtls = dtls
        self._audio = (audio_source, audio_player)
        self._extra_modules = extra_modules
        self._extra_configuration = extra_configuration
        self._control_port = free_port(socket.SOCK_STREAM)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._events = Arrivals[dict[str, Any]]("baresip")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What it has printed."""
        return (self._folder / "output.log").read_text(errors="replace")

    def start(self) -> None:
        """Start it and wait until it is registered.

        Raises:
            RuntimeError: it ended or cannot be reached.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "config").write_text(self._configuration())
        account = f"<sip:{self._user}@{self._domain};transport={self._transport}>;auth_pass={self._password}"
        account += f';outbound="sip:127.0.0.1:{self._port};transport={self._transport}";regint=300'
        account += ";mediaenc=srtp-mand" if self._srtp else ";mediaenc=dtls_srtp" if self._dtls else ""
        (self._folder / "accounts").write_text(f"{account}\n")
        with (self._folder / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                ["baresip", "-f", self._folder], stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )
        self._connect()
        self._wait_until_registered()

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._control is not None:
            self._control.close()
            self._control = None

    def kill(self) -> None:
        """End it without a farewell to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def dial(self, uri: str) -> None:
        """Call somebody."""
        self.command("dial", uri)

    def answer(self) -> None:
        """Accept the call that comes in."""
        self.command("accept")

    def hang_up(self) -> None:
        """End the call."""
        self.command("hangup")

    def send_dtmf(self, digits: str) -> None:
        """Send digits in the call."""
        self.command("sndcode", digits)

    def command(self, name: str, parameters: str = "") -> None:
        """Give one of baresip's own commands."""
        if self._control is None:
            raise RuntimeError("baresip is not running.")
        text = json.dumps({"command": name, "params": parameters}).encode()
        self._control.sendall(b"%d:%b," % (len(text), text))

    def wait_for(
        self, kind: str, timeout_s: float = PATIENCE_S, where: Callable[[dict[str, Any]], bool] = lambda _event: True
    ) -> dict[str, Any]:
        """Return the first event of this kind that has not been waited for yet.

        Raises:
            AssertionError: none came in time.
        """
        return self._events.take(lambda event: event.get("type") == kind and where(event), kind, timeout_s)

    def _configuration(self) -> str:
        source, player = self._audio
        modules = ["account.so", "ctrl_tcp.so", "menu.so", "g722.so", "g711.so", "aubridge.so", "srtp.so"]
        modules += ["dtls_srtp.so"] if self._dtls else []
        lines = [
            f"module_path {MODULES}",
            "sip_listen 127.0.0.1:0",
            "audio_player " + player,
            "audio_source " + source,
            "audio_alert aubridge,nowhere",
            f"ctrl_tcp_listen 127.0.0.1:{self._control_port}",
            "call_max_calls 4",
            "audio_txmode thread",
            "jitter_buffer_delay 1-5",
            "rtp_timeout 0",
            *(f"module_app {name}" if name in {"account.so", "ctrl_tcp.so", "menu.so"} else f"module {name}"
              for name in (*modules, *self._extra_modules)),
            *self._extra_configuration,
        ]  # fmt: skip
        if self._ca is not None:
            lines += [f"sip_cafile {self._ca}", "sip_verify_server yes"]
        return "\n".join(lines) + "\n"

    def _connect(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self._control = socket.create_connection(("127.0.0.1", self._control_port), timeout=1)
                break
            except OSError:
                if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"baresip did not start:\n{self.log[-3000:]}") from None
                time.sleep(0.02)
        self._control.settimeout(None)
        threading.Thread(target=self._listen, args=(self._control,), name="baresip", daemon=True).start()

    def _wait_until_registered(self) -> None:
        # By its log: it may have registered before anybody listened to its events.
        deadline = time.monotonic() + START_TIMEOUT_S
        while " binding" not in self.log:
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"baresip did not register:\n{self.log[-3000:]}")
            time.sleep(0.02)

    def _listen(self, control: socket.socket) -> None:
        buffered = b""
        while True:
            try:
                received = control.recv(65536)
            except OSError:
                return
            if not received:
                return
            buffered += received
            # Netstrings: a length, a colon, that many bytes, a comma.
            while b":" in buffered:
                size, _, rest = buffered.partition(b":")
                if len(rest) <= int(size):
                    break
                event = json.loads(rest[: int(size)])
                buffered = rest[int(size) + 1 :]
                self._events.add(event)
