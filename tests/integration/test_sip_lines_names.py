"""Servers that are named in DNS: which are used, in which order, and what happens while nobody answers."""

import contextlib
import ctypes
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.resolver
import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.news import RegistrationChanged
from firmware.phone.orders import HangUpCall, PlaceCall
from firmware.voice.sip.engine import Engine
from firmware.voice.sip.servers import service_records
from firmware.voice.sip.settings import AccountSettings, ServerName, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.lab.certificates import CertificateAuthority
from tests.lab.kamailio import Kamailio
from tests.lab.name_server import NameServer
from tests.lab.patience import PATIENCE_S
from tests.lab.sip_line import SipLine

pytestmark = pytest.mark.feature("broken networks")

DOMAIN = "operator.example"
USERS = {"alice": "secret-of-alice"}
Records = dict[str, list[str]]
CALL = CallId("c" * 32)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Records], NameServer]]:
    with contextlib.ExitStack() as running:

        def serve(records: Records) -> NameServer:
            server = running.enter_context(NameServer(records))
            resolver = dns.resolver.Resolver(configure=False)
            resolver.nameservers, resolver.port = [server.address], server.port
            monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
            return server

        yield serve


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "ca")


@pytest.fixture
def registrar(tmp_path: Path, authority: CertificateAuthority) -> Iterator[Callable[[str], Kamailio]]:
    with contextlib.ExitStack() as running:

        def start(name: str) -> Kamailio:
            # A certificate for the domain only, not for the host that the records name.
            certificate = authority.issue(DOMAIN, hosts=(DOMAIN,))
            return running.enter_context(Kamailio(tmp_path / name, USERS, certificate=certificate, domain=DOMAIN))

        yield start


def account(authority: CertificateAuthority, transport: Transport) -> AccountSettings:
    return AccountSettings(
        "alice", DOMAIN, DOMAIN, 5060, transport, USERS["alice"],
        tls_ca_pem=authority.ca_pem, srtp=Srtp.OFF, use_srv=True,
    )  # fmt: skip


@pytest.mark.feature("SRV records")
@pytest.mark.parametrize(
    ("transport", "service"),
    [(Transport.UDP, "_sip._udp"), (Transport.TCP, "_sip._tcp"), (Transport.TLS, "_sips._tcp")],
)
def test_the_server_of_the_best_record_is_used_and_its_certificate_is_for_the_domain(
    names: Callable[[Records], NameServer],
    registrar: Callable[[str], Kamailio],
    authority: CertificateAuthority,
    transport: Transport,
    service: str,
) -> None:
    best, other = registrar("best"), registrar("other")
    ports = [
        {Transport.UDP: server.udp_port, Transport.TCP: server.tcp_port, Transport.TLS: server.tls_port}[transport]
        for server in (best, other)
    ]
    names({f"{service}.{DOMAIN} SRV": [f"20 0 {ports[1]} localhost.", f"10 0 {ports[0]} localhost."]})
    with SipLine(SipSettings(account(authority, transport), local_port=0)) as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        assert best.is_registered("alice")
        line.forget()
        best.kill()
        line.wait_for_registration(RegistrationState.REGISTERED)
        assert other.is_registered("alice")


def test_records_come_by_priority_and_a_service_that_is_declined_has_none(
    names: Callable[[Records], NameServer],
) -> None:
    names(
        {
            "_sip._udp.example SRV": ["30 0 5062 c.example.", "10 0 5060 a.example.", "20 0 5061 b.example."],
            "_sip._udp.declined.example SRV": ["0 0 0 ."],
        }
    )
    assert service_records("_sip._udp.example") == (
        ServerName("a.example", 5060),
        ServerName("b.example", 5061),
        ServerName("c.example", 5062),
    )
    assert service_records("_sip._udp.declined.example") == ()
    assert service_records("_sip._udp.unknown.example") == ()


def test_a_name_server_that_does_not_answer_is_waited_for_elsewhere_and_not_long(
    names: Callable[[Records], NameServer], authority: CertificateAuthority
) -> None:
    server = names({})
    server.is_silent = True
    with SipLine(SipSettings(account(authority, Transport.UDP), local_port=0)) as line:
        line.wait_for_registration(RegistrationState.REGISTERING)
        for _ in range(3):
            line.beat.clear()
            line.stack.order(HangUpCall("0" * 32))  # type: ignore[arg-type]
            assert line.beat.wait(PATIENCE_S)
        assert not any(isinstance(event, RegistrationChanged) for _, event in line.events), (
            "the SIP thread waits for the name server"
        )
        assert line.wait_for_registration(RegistrationState.FAILED).failure is not None
    assert server.questions


def test_names_that_come_in_with_messages_are_looked_up_without_stopping_the_sip_thread(
    monkeypatch: pytest.MonkeyPatch, registrar: Callable[[str], Kamailio], authority: CertificateAuthority
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(host: str, prefer_ipv6: bool = False) -> tuple[str, ...]:
        asked.set()
        answer.wait(4 * PATIENCE_S)
        return ("127.0.0.1",)

    monkeypatch.setattr("firmware.voice.sip.servers.addresses_of", slow)
    server = registrar("server")
    settings = AccountSettings("alice", DOMAIN, "127.0.0.1", server.udp_port, Transport.UDP, USERS["alice"])
    with SipLine(SipSettings(settings, local_port=0)) as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        # What the library would do for a Contact or a Record-Route with a name in it.
        engine = line.stack._engine
        assert engine is not None
        line.stack._request(lambda: ask_the_library(engine, b"proxy.example"))
        assert asked.wait(PATIENCE_S)
        for _ in range(3):
            line.beat.clear()
            line.stack.order(HangUpCall("0" * 32))  # type: ignore[arg-type]
            assert line.beat.wait(PATIENCE_S), "the SIP thread waits for the name server"
        answer.set()
        assert found.wait(PATIENCE_S)


def test_a_call_that_is_hung_up_before_its_server_is_found_never_goes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(host: str, prefer_ipv6: bool = False) -> tuple[str, ...]:
        asked.set()
        answer.wait(4 * PATIENCE_S)
        return ("127.0.0.1",)

    monkeypatch.setattr("firmware.voice.sip.servers.addresses_of", slow)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(1)
        port = server.getsockname()[1]
        settings = AccountSettings("alice", DOMAIN, "sip.operator.example", port, Transport.UDP, USERS["alice"])
        with SipLine(SipSettings(settings, local_port=0)) as line:
            assert asked.wait(PATIENCE_S)
            line.stack.order(PlaceCall(CALL, SipUri(f"sip:100@{DOMAIN}")))
            line.stack.order(HangUpCall(CALL))
            assert line.wait_for_call(CALL, CallState.DISCONNECTED).reason is DisconnectReason.CANCELLED
            answer.set()
            came = [server.recv(65_535).split()[0]]
            with contextlib.suppress(TimeoutError):
                while True:
                    came.append(server.recv(65_535).split()[0])
        assert set(came) == {b"REGISTER"}


found = threading.Event()


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)  # type: ignore[untyped-decorator] # ctypes says none
def take_answer(status: int, _token: int, _addresses: int) -> None:
    if status == 0:
        found.set()


def ask_the_library(engine: Engine, host: bytes) -> None:
    """Ask as the library does, for a name that it cannot know."""
    kept = ctypes.create_string_buffer(host)
    answer = ctypes.cast(take_answer, ctypes.c_void_p).value
    engine.names._callback(ctypes.addressof(kept), len(host), 1, 0, 5060, None, answer)
