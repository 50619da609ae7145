"""The account against a real registrar: every transport, every way to fail, and the way back."""

import contextlib
import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pjsua2
import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, CallState, RegistrationFailure, RegistrationState, SipUri
from firmware.phone.news import Problem, ProblemRaised, RegistrationChanged
from firmware.phone.orders import PlaceCall
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.lab.certificates import LOOPBACK, CertificateAuthority
from tests.lab.kamailio import Kamailio
from tests.lab.patience import PATIENCE_S
from tests.lab.ports import free_port
from tests.lab.sip_line import SipLine

USERS = {"alice": "secret-of-alice"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def registrar(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> Iterator[Kamailio]:
    certificate = authority.issue("localhost", hosts=LOOPBACK)
    with Kamailio(tmp_path_factory.mktemp("kamailio"), USERS, certificate=certificate) as kamailio:
        yield kamailio


LineMaker = Callable[..., SipLine]


@pytest.fixture
def line_to(authority: CertificateAuthority) -> Iterator[LineMaker]:
    with contextlib.ExitStack() as lines:

        def make(
            kamailio: Kamailio | None = None,
            transport: Transport = Transport.UDP,
            *,
            start: bool = True,
            username: str = "alice",
            password: str = USERS["alice"],
            host: str = "localhost",
            port: int = 0,
            tls_ca_pem: bytes | None = None,
            tls_ca_error: str = "",
            tls_verify: bool = True,
            **settings: object,
        ) -> SipLine:
            account = AccountSettings(
                username=username,
                domain="localhost",
                host=host,
                port=port or port_of(kamailio, transport),
                transport=transport,
                password=password,
                tls_ca_pem=authority.ca_pem if tls_ca_pem is None and not tls_ca_error else tls_ca_pem,
                tls_ca_error=tls_ca_error,
                tls_verify=tls_verify,
                srtp=Srtp.OFF,
            )
            line = SipLine(SipSettings(account, **{"local_port": 0, **settings}))  # type: ignore[arg-type]
            lines.callback(line.stop)
            if start:
                line.start()
            return line

        yield make


def port_of(kamailio: Kamailio | None, transport: Transport) -> int:
    assert kamailio is not None
    return {
        Transport.UDP: kamailio.udp_port,
        Transport.TCP: kamailio.tcp_port,
        Transport.TLS: kamailio.tls_port,
    }[transport]


def failure_of(line: SipLine, timeout_s: float = 10) -> RegistrationChanged:
    return line.wait_for_registration(RegistrationState.FAILED, timeout_s)


@pytest.mark.parametrize("transport", list(Transport))
def test_the_account_registers_and_unregisters(registrar: Kamailio, line_to: LineMaker, transport: Transport) -> None:
    line = line_to(registrar, transport)
    line.wait_for_registration(RegistrationState.REGISTERING)
    line.wait_for_registration(RegistrationState.REGISTERED)
    assert registrar.is_registered("alice")
    line.stop()
    assert not registrar.is_registered("alice")


def test_a_wrong_password_is_called_that_and_tried_again_later(registrar: Kamailio, line_to: LineMaker) -> None:
    # Any time up to the longest one, by lot: of such a long one hardly ever the first second.
    failed = failure_of(line_to(registrar, password="not-it", retry_cap_s=600_000_000))
    assert failed.failure is RegistrationFailure.WRONG_PASSWORD
    assert failed.retry_in_s > 1


def test_an_account_that_the_server_does_not_know_is_called_that(registrar: Kamailio, line_to: LineMaker) -> None:
    failed = failure_of(line_to(registrar, username="nobody"))
    assert (failed.failure, failed.sip_code) == (RegistrationFailure.ACCOUNT_UNKNOWN, 404)


def test_a_certificate_of_an_unknown_authority_is_rejected(
    registrar: Kamailio, line_to: LineMaker, tmp_path: Path
) -> None:
    stranger = CertificateAuthority(tmp_path).ca_pem
    failed = failure_of(line_to(registrar, Transport.TLS, tls_ca_pem=stranger))
    assert failed.failure is RegistrationFailure.CERTIFICATE_REJECTED


@pytest.mark.parametrize("pem", [b"", b"no certificate"])
def test_whoever_trusts_no_authority_rejects_every_certificate(
    registrar: Kamailio, line_to: LineMaker, pem: bytes
) -> None:
    failed = failure_of(line_to(registrar, Transport.TLS, tls_ca_pem=pem))
    assert failed.failure is RegistrationFailure.CERTIFICATE_REJECTED


def test_of_several_authorities_each_is_trusted_whatever_is_written_beside_them(
    registrar: Kamailio, authority: CertificateAuthority, line_to: LineMaker, tmp_path: Path
) -> None:
    stranger = CertificateAuthority(tmp_path).ca_pem
    pem = stranger + "# Behörde\n".encode() + authority.ca_pem
    line_to(registrar, Transport.TLS, tls_ca_pem=pem).wait_for_registration(RegistrationState.REGISTERED)


def test_an_unverified_certificate_is_accepted_where_the_configuration_says_so(
    registrar: Kamailio, line_to: LineMaker, tmp_path: Path
) -> None:
    stranger = CertificateAuthority(tmp_path).ca_pem
    line_to(registrar, Transport.TLS, tls_ca_pem=stranger, tls_verify=False).wait_for_registration(
        RegistrationState.REGISTERED
    )


@pytest.mark.parametrize(("hosts", "expired"), [(LOOPBACK, True), (("sip.example.org",), False)])
def test_an_expired_certificate_and_one_of_another_server_are_rejected(
    authority: CertificateAuthority, line_to: LineMaker, tmp_path: Path, hosts: tuple[str, ...], expired: bool
) -> None:
    certificate = authority.issue(hosts[0], hosts=hosts, expired=expired)
    with Kamailio(tmp_path, USERS, certificate=certificate) as kamailio:
        failed = failure_of(line_to(kamailio, Transport.TLS))
        assert failed.failure is RegistrationFailure.CERTIFICATE_REJECTED
        assert not kamailio.is_registered("alice")


@pytest.mark.parametrize("transport", list(Transport))
def test_a_server_that_is_down_is_called_unreachable(line_to: LineMaker, transport: Transport) -> None:
    kind = socket.SOCK_DGRAM if transport is Transport.UDP else socket.SOCK_STREAM
    failed = failure_of(line_to(transport=transport, port=free_port(kind)))
    assert (failed.failure, failed.sip_code) == (RegistrationFailure.SERVER_UNREACHABLE, 0)


def test_a_server_without_an_address_is_called_not_found(line_to: LineMaker) -> None:
    failed = failure_of(line_to(host="sip.invalid", port=5060), timeout_s=30)
    assert failed.failure in {RegistrationFailure.SERVER_NOT_FOUND, RegistrationFailure.NO_NETWORK}


@pytest.mark.parametrize("transport", list(Transport))
def test_a_restarted_server_has_the_handset_back(
    authority: CertificateAuthority, line_to: LineMaker, tmp_path: Path, transport: Transport
) -> None:
    with Kamailio(tmp_path, USERS, certificate=authority.issue("localhost", hosts=LOOPBACK)) as kamailio:
        line = line_to(kamailio, transport, probe_s=1.0)
        line.wait_for_registration(RegistrationState.REGISTERED)
        kamailio.kill()
        assert failure_of(line).failure is RegistrationFailure.SERVER_UNREACHABLE
        line.forget()
        kamailio.start()
        line.wait_for_registration(RegistrationState.REGISTERED)
        assert kamailio.is_registered("alice")


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_a_server_that_was_away_for_long_is_found_by_a_knock_however_long_the_next_try_is_off(
    authority: CertificateAuthority, line_to: LineMaker, tmp_path: Path, transport: Transport
) -> None:
    with Kamailio(tmp_path, USERS, certificate=authority.issue("localhost", hosts=LOOPBACK)) as kamailio:
        # By lot any time up to the longest one: of such a long one hardly ever the first seconds.
        line = line_to(kamailio, transport, retry_base_s=600_000.0, retry_cap_s=600_000_000.0)
        line.wait_for_registration(RegistrationState.REGISTERED)
        kamailio.kill()
        assert failure_of(line).retry_in_s > 5
        line.forget()
        kamailio.start()
        line.wait_for_registration(RegistrationState.REGISTERING)
        line.wait_for_registration(RegistrationState.REGISTERED)
        assert kamailio.is_registered("alice")


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TLS])
def test_stopping_waits_for_no_server_that_is_gone(
    authority: CertificateAuthority,
    line_to: LineMaker,
    tmp_path: Path,
    *,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
    transport: Transport,
) -> None:
    # Less than the library's transactions last (RFC 3261 section 17.1.2.2, timer F).
    monkeypatch.setattr("firmware.voice.sip.stack._STOP_S", PATIENCE_S)
    with Kamailio(tmp_path, USERS, certificate=authority.issue("localhost", hosts=LOOPBACK)) as kamailio:
        line = line_to(kamailio, transport)
        line.wait_for_registration(RegistrationState.REGISTERED)
        kamailio.kill()
        began = time.monotonic()
        line.stack.stop()
        record_property("sip_stop_s", time.monotonic() - began)
        assert not [thread for thread in threading.enumerate() if thread.name == "sip"]


def test_stopping_while_probes_are_unanswered_ends_in_good_order(line_to: LineMaker, tmp_path: Path) -> None:
    with Kamailio(tmp_path, USERS) as kamailio:
        line = line_to(kamailio, probe_s=0.2)
        line.wait_for_registration(RegistrationState.REGISTERED)
        kamailio.kill()
        failure_of(line)
        line.stack.stop()
        assert line.stack.build_report is None


OPTIONS = (
    "OPTIONS sip:alice@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {source}:{port};rport;branch=z9hG4bK{port}\r\n"
    "From: <sip:stranger@{source}>;tag=1\r\nTo: <sip:alice@127.0.0.1>{tag}\r\nCall-ID: {port}\r\n"
    "CSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\nContent-Length: 0\r\n\r\n"
)


def answer_to_options(line: SipLine, source: str, tag: str = "", timeout_s: float = PATIENCE_S) -> bytes | None:
    report = line.stack.build_report
    assert report is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.settimeout(timeout_s)
        port = sender.getsockname()[1]
        sender.sendto(OPTIONS.format(source=source, port=port, tag=tag).encode(), ("127.0.0.1", report.port))
        try:
            return sender.recv(4096)
        except TimeoutError:
            return None


@pytest.mark.parametrize("tag", ["", ";tag=guessed"])
def test_strangers_get_no_answer_at_all(registrar: Kamailio, line_to: LineMaker, tag: str) -> None:
    line = line_to(registrar)
    line.wait_for_registration(RegistrationState.REGISTERED)
    assert answer_to_options(line, "127.0.0.1") is not None
    assert answer_to_options(line, "127.0.0.9", tag, timeout_s=1) is None


def test_strangers_are_answered_where_the_configuration_says_so(registrar: Kamailio, line_to: LineMaker) -> None:
    line = line_to(registrar, answer_anyone=True)
    line.wait_for_registration(RegistrationState.REGISTERED)
    assert answer_to_options(line, "127.0.0.9") is not None


def test_a_local_port_that_is_taken_is_replaced_by_another(registrar: Kamailio, line_to: LineMaker) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 0))
        port = other.getsockname()[1]
        line = line_to(registrar, local_port=port)
        line.wait_for_registration(RegistrationState.REGISTERED)
        report = line.stack.build_report
        assert report is not None
        assert report.port not in {0, port}


def test_the_build_report_says_what_the_library_can_do(registrar: Kamailio, line_to: LineMaker) -> None:
    line = line_to(registrar, Transport.TLS)
    assert line.stack.build_report is None or line.stack.build_report.linked
    line.wait_for_registration(RegistrationState.REGISTERED)
    report = line.stack.build_report
    assert report is not None
    assert "g722" in report.codecs
    assert "pcma" in report.codecs
    assert [library.split()[0] for library in report.linked] == ["pjproject", "OpenSSL", "libopus", "libsrtp2"]
    assert report.source_filter_active


def test_unreadable_authorities_are_a_problem_in_words_and_calls_end_at_once(
    registrar: Kamailio, line_to: LineMaker
) -> None:
    line = line_to(registrar, Transport.TLS, tls_ca_error="[Errno 2] No such file or directory: 'none.pem'")
    problem = line.wait_for(ProblemRaised)
    assert problem.problem is Problem.SIP_UNAVAILABLE
    assert "none.pem" in problem.detail
    call_id = CallId("0" * 32)
    line.stack.order(PlaceCall(call_id, SipUri("sip:bob@localhost")))
    assert line.wait_for_call(call_id, CallState.DISCONNECTED).reason is DisconnectReason.UNREACHABLE


def test_the_thread_gives_a_sign_of_life_while_nothing_happens(registrar: Kamailio, line_to: LineMaker) -> None:
    line = line_to(registrar, Transport.TCP)
    line.wait_for_registration(RegistrationState.REGISTERED)
    line.beat.clear()
    assert line.beat.wait(5)


def test_the_stack_starts_and_stops_twenty_times_without_leaking_a_descriptor(
    registrar: Kamailio, line_to: LineMaker
) -> None:
    line = line_to(registrar, Transport.TLS, start=False)

    def once() -> int:
        line.stack.start(line.post)
        line.wait_for_registration(RegistrationState.REGISTERED)
        line.stack.stop()
        return len(list(Path("/proc/self/fd").iterdir()))

    first = once()
    # What an earlier test has left may go meanwhile.
    assert max(once() for _ in range(20)) <= first


def test_nothing_of_a_stopped_stack_is_left_to_the_garbage_collector(registrar: Kamailio, line_to: LineMaker) -> None:
    # A leftover's destructor would call into the next stack's library from whatever thread collects it.
    gc.collect()
    before = count_of_library_objects()
    line = line_to(registrar)
    line.wait_for_registration(RegistrationState.REGISTERED)
    gc.disable()
    try:
        line.stack.stop()
        assert count_of_library_objects() == before
    finally:
        gc.enable()


def count_of_library_objects() -> int:
    return sum(isinstance(thing, pjsua2.Account | pjsua2.Call | pjsua2.Endpoint) for thing in gc.get_objects())
