"""Several accounts, and several servers for one: who registers where, and who takes over when a server is gone."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, CallState, RegistrationFailure, RegistrationState, SipUri
from firmware.phone.dial_plan import DialPlan
from firmware.phone.news import IncomingCallReceived, RegistrationChanged
from firmware.phone.orders import HangUpCall, PlaceCall
from firmware.voice.sip.settings import AccountSettings, ServerName, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.lab.certificates import LOOPBACK, CertificateAuthority
from tests.lab.kamailio import Kamailio
from tests.lab.patience import wait_until
from tests.lab.sip_line import SipLine
from tests.lab.sipp import Sipp

USERS = {"alice": "secret-of-alice", "work": "secret-of-work"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


RegistrarMaker = Callable[..., Kamailio]


@pytest.fixture
def registrar(tmp_path: Path, authority: CertificateAuthority) -> Iterator[RegistrarMaker]:
    with contextlib.ExitStack() as running:

        def start(name: str, **options: object) -> Kamailio:
            certificate = authority.issue("localhost", hosts=LOOPBACK)
            kamailio = Kamailio(tmp_path / name, USERS, certificate=certificate, **options)  # type: ignore[arg-type]
            return running.enter_context(kamailio)

        yield start


def port_of(kamailio: Kamailio, transport: Transport) -> int:
    ports = {
        Transport.UDP: kamailio.udp_port,
        Transport.TCP: kamailio.tcp_port,
        Transport.TLS: kamailio.tls_port,
    }
    return ports[transport]


def account_at(
    authority: CertificateAuthority,
    *servers: Kamailio,
    transport: Transport = Transport.UDP,
    username: str = "alice",
    name: str = "",
) -> AccountSettings:
    best, *others = (ServerName("127.0.0.1", port_of(server, transport)) for server in servers)
    return AccountSettings(
        username=username,
        domain=servers[0].domain,
        host=best.host,
        port=best.port,
        transport=transport,
        password=USERS[username],
        tls_ca_pem=authority.ca_pem,
        srtp=Srtp.OFF,
        name=name,
        fallback_servers=tuple(others),
    )


def line_with(account: AccountSettings, *others: AccountSettings, **settings: object) -> SipLine:
    return SipLine(SipSettings(account, others, local_port=0, **settings))  # type: ignore[arg-type]


def registered_as(line: SipLine, account: str) -> RegistrationChanged:
    return line.wait_for(
        RegistrationChanged,
        lambda event: event.state is RegistrationState.REGISTERED and event.account == account,
    )


# --- several accounts -------------------------------------------------------------------------------------------------


def test_every_account_registers_over_its_own_transport_and_is_told_apart(
    registrar: RegistrarMaker, authority: CertificateAuthority
) -> None:
    home, office = registrar("home"), registrar("office")
    private = account_at(authority, home)
    work = account_at(authority, office, transport=Transport.TLS, username="work", name="office")
    with line_with(private, work) as line:
        registered_as(line, "")
        registered_as(line, "office")
        assert home.is_registered("alice")
        assert office.is_registered("work")
    assert not home.is_registered("alice")
    assert not office.is_registered("work")


def test_an_account_whose_authorities_cannot_be_read_leaves_the_others_at_work(
    registrar: RegistrarMaker, authority: CertificateAuthority
) -> None:
    home, office = registrar("home"), registrar("office")
    unreadable = replace(
        account_at(authority, home, transport=Transport.TLS), tls_ca_pem=None, tls_ca_error="Permission denied"
    )
    with line_with(unreadable, account_at(authority, office, username="work", name="office")) as line:
        failed = line.wait_for(RegistrationChanged, lambda event: event.account == "")
        assert failed.failure is RegistrationFailure.CERTIFICATE_REJECTED
        registered_as(line, "office")


@pytest.mark.feature("accounts")
def test_a_call_goes_out_over_the_account_that_it_names_and_by_that_accounts_domain(
    registrar: RegistrarMaker, authority: CertificateAuthority, tmp_path: Path
) -> None:
    home = registrar("home")
    office = registrar("office", domain="office.example")
    private = account_at(authority, home)
    work = account_at(authority, office, username="work", name="office")
    with Sipp(tmp_path / "sipp", "uas_answer") as peer, line_with(private, work) as line:
        office.route("bob", peer.uri)
        registered_as(line, "")
        registered_as(line, "office")
        missing, answered = CallId(uuid.uuid4().hex), CallId(uuid.uuid4().hex)
        line.stack.order(PlaceCall(missing, SipUri("sip:bob@localhost")))
        assert line.wait_for_call(missing, CallState.DISCONNECTED).reason is DisconnectReason.NOT_FOUND
        line.stack.order(PlaceCall(answered, SipUri("sip:bob@localhost"), "office"))
        line.wait_for_call(answered, CallState.ACTIVE)
        line.stack.order(HangUpCall(answered))
        line.wait_for_call(answered, CallState.DISCONNECTED)


def test_a_caller_is_announced_with_the_account_that_was_called(
    registrar: RegistrarMaker, authority: CertificateAuthority, tmp_path: Path
) -> None:
    server = registrar("server")
    private = account_at(authority, server)
    work = account_at(authority, server, transport=Transport.TCP, username="work", name="office")
    with line_with(private, work) as line:
        registered_as(line, "")
        registered_as(line, "office")
        for callee, account in (("work", "office"), ("alice", "")):
            with Sipp(tmp_path / callee, "uac_cancel", server_port=server.udp_port, callee=callee) as caller:
                assert line.wait_for(IncomingCallReceived).account == account
                caller.stop()


def test_an_emergency_call_takes_another_account_when_the_default_one_has_no_server(
    registrar: RegistrarMaker, authority: CertificateAuthority, tmp_path: Path
) -> None:
    gone, office = registrar("gone"), registrar("office")
    private = account_at(authority, gone)
    gone.kill()
    work = account_at(authority, office, username="work", name="office")
    with (
        Sipp(tmp_path / "sipp", "uas_answer") as peer,
        line_with(private, work, dial_plan=DialPlan.build(country="DE", domain="localhost")) as line,
    ):
        office.route("112", peer.uri)
        office.route("113", peer.uri)
        registered_as(line, "office")
        ordinary, emergency = CallId(uuid.uuid4().hex), CallId(uuid.uuid4().hex)
        line.stack.order(PlaceCall(emergency, SipUri("sip:112@localhost")))
        line.wait_for_call(emergency, CallState.ACTIVE)
        line.stack.order(HangUpCall(emergency))
        line.stack.order(PlaceCall(ordinary, SipUri("sip:113@localhost")))
        assert line.wait_for_call(ordinary, CallState.DISCONNECTED).reason is DisconnectReason.UNREACHABLE


@pytest.mark.feature("lasting connections")
@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_over_a_connection_the_handset_registers_under_a_name_that_lasts(
    registrar: RegistrarMaker, authority: CertificateAuthority, transport: Transport
) -> None:
    server = registrar("server")
    instance = "urn:uuid:f65b6a02-1d2b-560f-8b24-267d15d9940a"
    for _ in range(2):
        with line_with(account_at(authority, server, transport=transport), instance_id=instance) as line:
            registered_as(line, "")
            assert server.instances("alice") == {(f"<{instance}>", 1)}


@pytest.mark.feature("lasting connections")
def test_a_registrar_whose_proxy_knows_no_lasting_connections_is_registered_with_as_any_other(
    registrar: RegistrarMaker, authority: CertificateAuthority
) -> None:
    server = registrar("server", lacks_outbound=True)
    with line_with(account_at(authority, server, transport=Transport.TCP)) as line:
        at_last = line.wait_for(RegistrationChanged, lambda event: event.state is not RegistrationState.REGISTERING)
        assert at_last.state is RegistrationState.REGISTERED
        assert server.is_registered("alice")


# --- several servers --------------------------------------------------------------------------------------------------


@pytest.mark.feature("fail-over")
@pytest.mark.parametrize(
    ("how", "transport"),
    [("kill", Transport.UDP), ("kill", Transport.TCP), ("kill", Transport.TLS), ("freeze", Transport.TCP)],
)
def test_the_next_server_takes_over_and_the_best_is_returned_to(
    registrar: RegistrarMaker,
    authority: CertificateAuthority,
    record_property: Callable[[str, object], None],
    how: str,
    transport: Transport,
) -> None:
    best, other = registrar("best"), registrar("other")
    with line_with(account_at(authority, best, other, transport=transport), return_s=2.0) as line:
        registered_as(line, "")
        assert best.is_registered("alice")
        line.forget()
        began = time.monotonic()
        getattr(best, how)()
        wait_until(lambda: other.is_registered("alice"), look_s=0.02)
        registered_as(line, "")
        record_property("fail_over_s", time.monotonic() - began)
        line.forget()
        if how == "kill":
            best.start()
        else:
            best.thaw()
        registered_as(line, "")
        wait_until(lambda: best.is_registered("alice") and not other.is_registered("alice"), look_s=0.02)


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
def test_a_server_that_is_down_from_the_start_is_passed_over(
    registrar: RegistrarMaker, authority: CertificateAuthority, transport: Transport
) -> None:
    best, other = registrar("best"), registrar("other")
    best.kill()
    with line_with(account_at(authority, best, other, transport=transport)) as line:
        registered_as(line, "")
        assert other.is_registered("alice")


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_a_call_that_the_first_server_leaves_unanswered_rings_by_way_of_the_next(
    registrar: RegistrarMaker,
    authority: CertificateAuthority,
    tmp_path: Path,
    *,
    record_property: Callable[[str, object], None],
    transport: Transport,
    how: str,
) -> None:
    best, other = registrar("best"), registrar("other")
    with (
        Sipp(tmp_path / "sipp", "uas_answer") as peer,
        # Probes that would notice it first are out of the way.
        line_with(account_at(authority, best, other, transport=transport), probe_s=60, binding_check_s=0) as line,
    ):
        other.route("bob", peer.uri)
        registered_as(line, "")
        getattr(best, how)()
        call_id = CallId(uuid.uuid4().hex)
        began = time.monotonic()
        line.stack.order(PlaceCall(call_id, SipUri("sip:bob@localhost")))
        line.wait_for_call(call_id, CallState.ACTIVE)
        record_property("call_fail_over_s", time.monotonic() - began)
        line.stack.order(HangUpCall(call_id))
        assert line.wait_for_call(call_id, CallState.DISCONNECTED).reason is DisconnectReason.LOCAL_HANGUP
        registered_as(line, "")
        assert other.is_registered("alice")


def test_a_call_that_no_server_answers_ends_as_unreachable(
    registrar: RegistrarMaker, authority: CertificateAuthority
) -> None:
    best, other = registrar("best"), registrar("other")
    with line_with(account_at(authority, best, other), probe_s=60, binding_check_s=0) as line:
        registered_as(line, "")
        best.freeze()
        other.freeze()
        call_id = CallId(uuid.uuid4().hex)
        line.stack.order(PlaceCall(call_id, SipUri("sip:bob@localhost")))
        assert line.wait_for_call(call_id, CallState.DISCONNECTED).reason is DisconnectReason.UNREACHABLE


def test_a_caller_who_gives_up_while_the_servers_are_tried_is_not_called_again(
    registrar: RegistrarMaker, authority: CertificateAuthority, tmp_path: Path
) -> None:
    best, other = registrar("best"), registrar("other")
    with (
        Sipp(tmp_path / "sipp", "uas_answer") as peer,
        line_with(account_at(authority, best, other), probe_s=60, binding_check_s=0) as line,
    ):
        other.route("bob", peer.uri)
        registered_as(line, "")
        best.freeze()
        call_id = CallId(uuid.uuid4().hex)
        line.stack.order(PlaceCall(call_id, SipUri("sip:bob@localhost")))
        line.wait_for_call(call_id, CallState.DIALING)
        line.stack.order(HangUpCall(call_id))
        assert line.wait_for_call(call_id, CallState.DISCONNECTED).reason is DisconnectReason.CANCELLED
        with pytest.raises(AssertionError):
            line.wait_for_call(call_id, CallState.ACTIVE, timeout_s=3)


@pytest.mark.feature("lasting connections")
def test_a_registrar_that_has_forgotten_the_handset_has_it_back(
    registrar: RegistrarMaker, authority: CertificateAuthority, record_property: Callable[[str, object], None]
) -> None:
    server = registrar("server")
    with line_with(account_at(authority, server)) as line:
        registered_as(line, "")
        began = time.monotonic()
        server.forget("alice")
        wait_until(lambda: server.is_registered("alice"), look_s=0.02)
        record_property("forgotten_s", time.monotonic() - began)
