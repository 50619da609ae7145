"""Kamailio, on loopback or in a namespace: the registrar and proxy that the handset registers with."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.lab.certificates import IssuedCertificate
from tests.lab.network import Namespace
from tests.lab.patience import PATIENCE_S
from tests.lab.ports import free_port
from tests.lab.server import Server

TEMPLATE = Path(__file__).with_name("kamailio.cfg")
START_TIMEOUT_S = 30.0
_NO_FLOWS = 'if ($ct =~ "reg-id") { sl_send_reply("439", "First Hop Lacks Outbound Support"); exit; }'


class Kamailio(Server):
    """A registrar and proxy for one domain, over UDP, TCP and, where it has a certificate, TLS.

    Users authenticate by digest. Callers whose user is not in `users` are let in like calls from a trunk.
    Ports are free ones, chosen when it is built and kept through restarts; registrations do not survive them.
    """

    def __init__(
        self,
        folder: Path,
        users: Mapping[str, str],
        *,
        certificate: IssuedCertificate | None = None,
        routes: Mapping[str, str] | None = None,
        domain: str = "localhost",
        addresses: Sequence[str] = ("127.0.0.1",),
        namespace: Namespace | None = None,
        follows_redirects: bool = False,
        lacks_outbound: bool = False,
        memory_mb: int = 16,
    ) -> None:
        """Set up without starting.

        Args:
            folder: where its configuration, log and control socket go.
            users: passwords by user name.
            certificate: what it shows to TLS clients; no TLS where left out.
            routes: SIP URIs by user part, for peers that do not register.
            domain: the host part of its users' addresses, also the digest realm.
            addresses: where it listens; the first is where it is looked for.
            namespace: the network that it runs in, this process's where left out.
            follows_redirects: call whom a 302 names, as operators do, and not leave that to the caller.
            lacks_outbound: turn those away who register for a flow (RFC 5626 section 6).
            memory_mb: what all its transactions share; it keeps each for 5 s after its end.
        """
        self.domain = domain
        self.udp_port = free_port(socket.SOCK_DGRAM)
        self.tcp_port = free_port(socket.SOCK_STREAM)
        self.tls_port = free_port(socket.SOCK_STREAM)
        self.address = addresses[0]
        self._addresses = tuple(addresses)
        self._namespace = namespace
        self._follows_redirects = follows_redirects
        self._lacks_outbound = lacks_outbound
        self._memory_mb = memory_mb
        super().__init__(folder / "kamailio.log")
        self._folder = folder
        self._users = dict(users)
        self._routes = dict(routes or {})
        self._certificate = certificate

    @property
    def _family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it ended or does not answer; the message holds its log.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "kamailio.cfg"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration())
        # Its TCP processes inherit LD_* and locale only; nothing else of ours is of use to it.
        command: list[str | Path] = [
            "kamailio",
            "-DD",
            "-E",
            "-m",
            str(self._memory_mb),
            "-M",
            "4",
            "-f",
            configuration,
            "-Y",
            self._folder,
        ]
        self._launch(command if self._namespace is None else self._namespace.command(*command))
        with self._namespace.entered() if self._namespace is not None else contextlib.nullcontext():
            self._wait_until_it_answers()

    def freeze(self) -> None:
        """Let it hear and say nothing for a while, as an overloaded machine does; its sockets stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Undo `freeze`."""
        self._signal(signal.SIGCONT)

    def is_registered(self, user: str) -> bool:
        """Say whether the user has a contact now."""
        return bool(self.contacts(user))

    def contacts(self, user: str) -> list[str]:
        """Return the addresses at which the user can be reached."""
        return [str(contact["Address"]) for contact in self._bindings(user)]

    def instances(self, user: str) -> set[tuple[str, int]]:
        """Return the instance ids and reg-ids with which the user has registered (RFC 5626)."""
        return {(str(contact["Instance"]), int(str(contact["Reg-Id"]))) for contact in self._bindings(user)}

    def _bindings(self, user: str) -> list[dict[str, object]]:
        answer = self._ask("ul.lookup", ["location", user])
        result = answer.get("result")
        if not isinstance(result, dict):
            return []
        return [contact["Contact"] for contact in result.get("Contacts", [])]

    def route(self, user: str, uri: str) -> None:
        """Send calls to the user there from now on, registered or not."""
        self._routes[user] = uri
        self._ask("htable.sets", ["route", user, uri])

    @contextlib.contextmanager
    def ringing_too(self, user: str, uri: str) -> Iterator[None]:
        """Call the user there as well meanwhile, as where another phone of theirs has registered."""
        added = self._ask("ul.add", ["location", user, uri, "3600", "1.0", "", "0", "0", "0"])
        assert "error" not in added, added
        try:
            yield
        finally:
            self._ask("ul.rm_contact", ["location", user, uri])

    def forget(self, user: str) -> None:
        """Drop the user's registration, as an operator would."""
        answer = self._ask("ul.rm", ["location", user])
        assert "error" not in answer, answer

    def _ask(self, method: str, parameters: list[str]) -> dict[str, object]:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        own = self._folder / f"ask-{os.getpid()}.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
            control.settimeout(PATIENCE_S)
            own.unlink(missing_ok=True)
            control.bind(str(own))
            control.sendto(json.dumps(request).encode(), str(self._folder / "rpc.sock"))
            answer: dict[str, object] = json.loads(control.recv(65536))
        own.unlink()
        return answer

    def _configuration(self) -> str:
        tables = [f'  $sht(password=>{user}) = "{password}";' for user, password in self._users.items()]
        tables += [f'  $sht(route=>{user}) = "{uri}";' for user, uri in self._routes.items()]
        words = {
            "ARCHITECTURE": sysconfig.get_config_var("MULTIARCH") or "x86_64-linux-gnu",
            "DOMAIN": self.domain,
            "LISTEN": "\n".join(self._listen_lines()),
            "TLS_MODULE": "",
            "ON_FAILURE": 't_on_failure("REDIRECT");' if self._follows_redirects else "",
            "ON_REGISTER": _NO_FLOWS if self._lacks_outbound else "",
            "RPC_SOCKET": str(self._folder / "rpc.sock"),
            "TABLES": "\n".join(tables),
        }
        if self._certificate:
            words["TLS_MODULE"] = (
                'loadmodule "tls.so"\n'
                'modparam("tls", "tls_method", "TLSv1.2+")\n'
                f'modparam("tls", "certificate", "{self._certificate.certificate}")\n'
                f'modparam("tls", "private_key", "{self._certificate.key}")'
            )
        text = TEMPLATE.read_text()
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        return text

    def _listen_lines(self) -> Iterator[str]:
        for address in self._addresses:
            host = f"[{address}]" if ":" in address else address
            yield f"listen=udp:{host}:{self.udp_port}"
            yield f"listen=tcp:{host}:{self.tcp_port}"
            if self._certificate:
                yield f"listen=tls:{host}:{self.tls_port}"
        if self._certificate:
            yield "enable_tls=yes"

    def _wait_until_it_answers(self) -> None:
        request = (
            "OPTIONS sip:{domain} SIP/2.0\r\n"
            "Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{port}\r\n"
            "From: <sip:probe@{domain}>;tag=1\r\nTo: <sip:{domain}>\r\nCall-ID: {port}\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 9\r\nContent-Length: 0\r\n\r\n"
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        host = f"[{self.address}]" if ":" in self.address else self.address
        with socket.socket(self._family, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.1)
            # Connected, so that a port that nobody has opened yet answers at once with ECONNREFUSED.
            probe.connect((self.address, self.udp_port))
            packet = request.format(domain=self.domain, host=host, port=probe.getsockname()[1]).encode()
            while time.monotonic() < deadline:
                if self._process is None or self._process.poll() is not None:
                    raise RuntimeError(f"Kamailio ended while starting:\n{self.log}")
                try:
                    probe.send(packet)
                    if probe.recv(2048).startswith(b"SIP/2.0 200") and self._accepts_streams():
                        return
                except ConnectionRefusedError:
                    time.sleep(0.01)
                except TimeoutError:
                    continue
        self.kill()
        raise RuntimeError(f"Kamailio did not answer within {START_TIMEOUT_S:.0f} s:\n{self.log}")

    def _accepts_streams(self) -> bool:
        ports = [self.tcp_port] + ([self.tls_port] if self._certificate else [])
        for port in ports:
            try:
                socket.create_connection((self.address, port), timeout=1).close()
            except OSError:
                return False
        return True

    def _signal(self, which: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, which)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        # One that is frozen takes no other signal than the last.
        os.killpg(process.pid, signal.SIGCONT)
        # Its workers share its process group (start_new_session); SIGKILL of the first alone would orphan them.
        if how is signal.SIGKILL:
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
