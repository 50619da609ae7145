"""What the SIP library's own build brings: ten calls, Opus, TLS 1.3, and keys by DTLS."""

import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.news import CallAudioChanged, CallQualityMeasured, IncomingCallReceived
from firmware.phone.orders import AnswerCall, HangUpCall, PlaceCall
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.bench.phones import Linphone, Seat
from tests.lab import chance
from tests.lab.audio import Recorder, level, playing, tone
from tests.lab.baresip import Baresip
from tests.lab.certificates import LOOPBACK, CertificateAuthority
from tests.lab.dtls_peer import DtlsPeer, fingerprint, is_servers
from tests.lab.kamailio import Kamailio
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.pulse import PulseAudio
from tests.lab.scripted_peer import ScriptedPeer, ScriptedServer, sdp
from tests.lab.sip_line import SipLine
from tests.lab.three_agents import USERS

CALL = CallId("a" * 32)
TEN = 10
BOB_HZ, ALICE_HZ = 440, 600
HEARD = 1000.0
LISTENED = 10
LARGEST = 2048


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> Iterator[Kamailio]:
    certificate = authority.issue("localhost", hosts=LOOPBACK)
    with Kamailio(tmp_path_factory.mktemp("kamailio"), USERS, certificate=certificate) as kamailio:
        yield kamailio


def line_of(
    server: Kamailio, authority: CertificateAuthority, transport: Transport = Transport.UDP, **more: object
) -> SipLine:
    """Return a phone as it ships, SRTP preferred, but for what `more` replaces."""
    port = server.tls_port if transport is Transport.TLS else server.udp_port
    account = AccountSettings(
        "alice", "localhost", "localhost", port, transport, USERS["alice"], tls_ca_pem=authority.ca_pem
    )
    return SipLine(SipSettings(account, local_port=0, **more))  # type: ignore[arg-type]


def baresip(
    server: Kamailio,
    authority: CertificateAuthority,
    folder: Path,
    transport: Transport = Transport.UDP,
    *,
    voice: str = f"ausine,{BOB_HZ}",
    player: str = "aubridge,nowhere",
    dtls: bool = False,
) -> Baresip:
    """Return bob, who says a tone unless he has another voice."""
    return Baresip(
        folder / "baresip",
        "bob",
        USERS["bob"],
        port=server.tls_port if transport is Transport.TLS else server.udp_port,
        transport=transport,
        ca=authority.ca_path,
        extra_modules=("ausine.so", "opus.so"),
        audio_source=voice,
        audio_player=player,
        extra_configuration=("ausrc_srate 48000",),  # ausine knows no other
        dtls=dtls,
    )


def quality_of(line: SipLine) -> CallQualityMeasured:
    return line.wait_for(CallQualityMeasured, timeout_s=15)


def test_ten_calls_at_once_are_taken_and_the_eleventh_hears_busy(
    server: Kamailio, authority: CertificateAuthority
) -> None:
    with ExitStack() as stack, line_of(server, authority, max_calls=TEN) as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        *callers, late = [
            stack.enter_context(ScriptedPeer(server.udp_port, f"caller{number}")) for number in range(TEN + 1)
        ]
        for caller in callers:
            caller.invite("alice", body=sdp(caller.port))
            arrived = line.wait_for(IncomingCallReceived)
            line.stack.order(AnswerCall(arrived.call_id))
            answer = caller.receive(200)
            caller.establish(answer)
            caller.acknowledge(answer)
            line.wait_for_call(arrived.call_id, CallState.ACTIVE)
        late.invite("alice", body=sdp())
        late.acknowledge(late.receive(486))
        for caller in callers:
            caller.hang_up()


@pytest.mark.parametrize("bob_calls", [False, True])
def test_an_opus_call_with_baresip_is_heard_both_ways(
    server: Kamailio, authority: CertificateAuthority, tmp_path: Path, *, bob_calls: bool
) -> None:
    with (
        baresip(server, authority, tmp_path, voice="aubridge,back", player="aubridge,back") as bob,
        line_of(server, authority, codecs=("opus",)) as line,
    ):
        line.wait_for_registration(RegistrationState.REGISTERED)
        line.say(ALICE_HZ)
        if bob_calls:
            bob.dial("sip:alice@localhost")
            line.stack.order(AnswerCall(line.wait_for(IncomingCallReceived).call_id))
        else:
            line.stack.order(PlaceCall(CALL, SipUri("sip:bob@localhost")))
            bob.wait_for("CALL_INCOMING")
            bob.answer()
        line.wait_for(CallAudioChanged, lambda event: event.receiving and event.sending)
        quality = quality_of(line).quality
        assert quality.codec.lower() == "opus"
        assert quality.loss_percent < 1
        # Bob says again what he hears.
        wait_until(lambda: level(line.last_heard(0.5), ALICE_HZ) > HEARD, "alice hears herself")


def test_an_opus_call_with_linphone_is_heard_both_ways(
    server: Kamailio, authority: CertificateAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulse = PulseAudio(tmp_path / "pulse", ["ear", "mic", "bell"])
    pulse.start()
    for name, value in pulse.environment.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        stack.callback(pulse.stop)
        seat = Seat(
            folder=tmp_path / "linphone", user="bob", password=USERS["bob"], port=server.udp_port, ear="ear",
            mouth="mic", environment=pulse.environment, broker={}, answers_itself=True, server="localhost",
        )  # fmt: skip
        seat.folder.mkdir()
        bob = Linphone(seat)
        bob.launch()
        try:
            bob.connect()
            with line_of(server, authority, codecs=("opus",)) as line:
                line.wait_for_registration(RegistrationState.REGISTERED)
                wait_until(lambda: server.is_registered("bob"), "linphone registers")
                line.say(ALICE_HZ)
                line.stack.order(PlaceCall(CALL, SipUri("sip:bob@localhost")))
                line.wait_for_call(CALL, CallState.ACTIVE)
                quality = quality_of(line).quality
                assert quality.codec.lower() == "opus"
                assert quality.loss_percent < 2
                with playing("mic", tone([BOB_HZ], 20)):
                    wait_until(lambda: level(line.last_heard(0.5), BOB_HZ) > HEARD, "linphone is heard")
                with Recorder("ear_monitor") as ear:
                    wait_until(lambda: level(ear.sound.between(0.5, 1.5), ALICE_HZ) > HEARD, "linphone hears")
        finally:
            bob.stop()


def test_it_registers_at_a_server_that_speaks_tls_1_3_alone(server: Kamailio, authority: CertificateAuthority) -> None:
    with TlsDoor(authority, server.tcp_port) as door:
        account = AccountSettings(
            "alice", "localhost", "localhost", door.port, Transport.TLS, USERS["alice"], tls_ca_pem=authority.ca_pem
        )
        with SipLine(SipSettings(account, local_port=0)) as line:
            line.wait_for_registration(RegistrationState.REGISTERED)
        assert door.version == "TLSv1.3"


@pytest.mark.parametrize(("transport", "encrypted"), [(Transport.TLS, True), (Transport.UDP, False)])
def test_a_caller_with_keys_by_dtls_is_heard_and_counts_as_encrypted_over_tls_alone(
    server: Kamailio, authority: CertificateAuthority, tmp_path: Path, transport: Transport, encrypted: bool
) -> None:
    with (
        baresip(server, authority, tmp_path, transport, dtls=True) as bob,
        line_of(server, authority, transport, media_networks=("0.0.0.0/0",)) as line,
    ):
        line.wait_for_registration(RegistrationState.REGISTERED)
        line.say(ALICE_HZ)
        bob.dial("sip:alice@localhost")
        call_id = line.wait_for(IncomingCallReceived).call_id
        line.stack.order(AnswerCall(call_id))
        line.wait_for_call(call_id, CallState.ACTIVE)
        quality = quality_of(line).quality
        # Keys may be agreed on a moment after the call has been answered.
        wait_until(lambda: level(line.last_heard(0.5), BOB_HZ) > HEARD, "the caller is heard")
        assert quality.encrypted is encrypted


@pytest.mark.soak
def test_a_hello_that_comes_with_the_answer_is_answered_at_once_to_whom_it_came_from(
    authority: CertificateAuthority,
) -> None:
    own = authority.issue("own")
    hello = DtlsPeer.hello(own)
    with (
        ScriptedServer("bob") as peer,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
        SipLine(SipSettings(account_at(peer), local_port=0)) as line,
    ):
        far.bind(("127.0.0.1", 0))
        far.settimeout(PATIENCE_S)
        body = sdp(far.getsockname()[1], lines=(fingerprint(own), "setup:active"))
        line.wait_for_registration(RegistrationState.REGISTERED)
        for _ in range(chance.counted(full=400, landing=20)):
            call_id = CallId(uuid.uuid4().hex)
            line.stack.order(PlaceCall(call_id, SipUri("sip:bob@localhost")))
            invite = peer.take_call()
            far.sendto(hello, ("127.0.0.1", invite.audio_port))
            peer.reply(invite, 200, body=body.replace("RTP/AVP", "UDP/TLS/RTP/SAVP"))
            peer.receive("ACK")
            # What was lost would come a second later, and not as the first that the phone has sent.
            assert record_number(far.recv(LARGEST)) == 0
            line.stack.order(HangUpCall(call_id))
            peer.reply(peer.receive("BYE"), 200)
            line.wait_for_call(call_id, CallState.DISCONNECTED)


def account_at(server: ScriptedServer) -> AccountSettings:
    return AccountSettings("alice", "localhost", "127.0.0.1", server.port, Transport.UDP, "secret", srtp=Srtp.DTLS)


def record_number(packet: bytes) -> int:
    """Return the number of a packet's first record (RFC 6347 section 4.1)."""
    return int.from_bytes(packet[5:11])


def test_only_who_is_named_shakes_hands_anew_within_a_call_and_whatever_fails_leaves_its_keys(
    server: Kamailio, authority: CertificateAuthority
) -> None:
    own, other = authority.issue("own"), authority.issue("other")
    far, stranger = DtlsPeer(), DtlsPeer()
    lines = (fingerprint(own), "setup:active", "rtcp-mux")

    def offer() -> str:
        return sdp(far.port, lines=lines).replace("RTP/AVP", "UDP/TLS/RTP/SAVP")

    with line_of(server, authority, media_networks=("0.0.0.0/0",)) as line, ScriptedPeer(server.udp_port) as peer:
        line.wait_for_registration(RegistrationState.REGISTERED)
        line.say(ALICE_HZ)
        peer.invite("alice", body=offer())
        call_id = line.wait_for(IncomingCallReceived).call_id
        line.stack.order(AnswerCall(call_id))
        answer = peer.receive(200)
        peer.establish(answer)
        peer.acknowledge(answer)
        first = far.begin(answer.audio_port, own).finish()
        assert is_servers(far.receive(), first)
        peer.send("INVITE", body=offer())
        peer.acknowledge(peer.receive(200))
        with stranger.begin(answer.audio_port, own):
            assert all(is_servers(far.receive(), first) for _ in range(LISTENED))
        far.begin(answer.audio_port, other).finish()
        assert is_servers(far.receive(), first)
        second = far.begin(answer.audio_port, own).finish()
        assert any(is_servers(far.receive(), second) for _ in range(LISTENED))


def test_a_caller_with_keys_by_dtls_from_where_no_audio_may_come_hears_488(
    server: Kamailio, authority: CertificateAuthority
) -> None:
    offer = sdp(9).replace("RTP/AVP", "UDP/TLS/RTP/SAVPF").replace("127.0.0.1", "198.51.100.7")
    offer += f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}\r\na=setup:actpass\r\n"
    with line_of(server, authority) as line, ScriptedPeer(server.udp_port, "outside") as outside:
        line.wait_for_registration(RegistrationState.REGISTERED)
        outside.invite("alice", body=offer)
        outside.acknowledge(outside.receive(488))
        # The phone never rings, but its holder learns who could not get through, and why.
        missed = line.wait_for(IncomingCallReceived)
        ended = line.wait_for_call(missed.call_id, CallState.DISCONNECTED)
        assert (missed.caller.number, ended.reason) == ("outside", DisconnectReason.NO_COMMON_CODEC)
        assert line.stack.build_report is not None
        assert line.stack.build_report.refused == {"DTLS": 1}


class TlsDoor:
    """Speaks TLS 1.3, and nothing older, to one client of a server that speaks TCP."""

    def __init__(self, authority: CertificateAuthority, server_port: int) -> None:
        certificate = authority.issue("localhost", hosts=LOOPBACK)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.load_cert_chain(certificate.certificate, certificate.key)
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.version: str | None = None

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            accepted, _ = self._listener.accept()
            with (
                self._context.wrap_socket(accepted, server_side=True) as client,
                socket.create_connection(("127.0.0.1", self._server_port)) as server,
            ):
                self.version = client.version()
                back = threading.Thread(target=pass_on, args=(server, client), daemon=True)
                back.start()
                pass_on(client, server)


def pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
