"""Calls with a browser, over a line that can be made to lose packets: Chromium's WebRTC, its SIP played by the test."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.news import CallAudioChanged, CallQualityMeasured, IncomingCallReceived
from firmware.phone.orders import AnswerCall, HangUpCall, HoldCall, PlaceCall, ResumeCall
from firmware.voice.sip import native
from firmware.voice.sip.settings import AccountSettings, NatSettings, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.lab.audio import level
from tests.lab.certificates import CertificateAuthority
from tests.lab.kamailio import Kamailio
from tests.lab.loss_emulator import Line, LossyCable
from tests.lab.network import Namespace
from tests.lab.patience import wait_until
from tests.lab.scripted_peer import ScriptedPeer, SipMessage
from tests.lab.sip_line import SipLine
from tests.lab.three_agents import new_call_id
from tests.lab.web_phone import WebPhone

pytestmark = pytest.mark.feature("browsers")

HOME, OPERATOR = "10.9.0.1", "10.9.0.2"
DOMAIN = "operator.example"
PASSWORD = "secret-of-alice"
PHONE_HZ, PAGE_HZ = 400, 700
HEARD, NOT_HEARD = 1000.0, 100.0
WINDOW_S = 0.4
LOOK_S = 0.2  # a page takes a while to tell
LOSSY = Line(loss_percent=10)
LOSS_IS_KNOWN_S = 30


@dataclass(frozen=True, slots=True)
class Site:
    """A phone's network, an operator's, and the cable between them."""

    home: Namespace
    operator: Namespace
    cable: LossyCable
    registrar: Kamailio
    authority: CertificateAuthority

    @contextmanager
    def page(self, *, sends_redundancy: bool = False) -> Iterator["Caller"]:
        """Run a browser at the operator's, which says its tone."""
        with ExitStack() as stack:
            with self.operator.entered():
                page = stack.enter_context(WebPhone(sends_redundancy=sends_redundancy))
                port = self.registrar.udp_port
                peer = ScriptedPeer(port, address=OPERATOR, server=OPERATOR, domain=DOMAIN)
            stack.enter_context(peer)
            self.registrar.route(peer.user, peer.uri)
            page.say(PAGE_HZ)
            yield Caller(page, peer)

    @contextmanager
    def phone(self, srtp: Srtp) -> Iterator[SipLine]:
        """Run the stack under test at home; it says its tone."""
        account = AccountSettings(
            "alice", DOMAIN, OPERATOR, self.registrar.tls_port, Transport.TLS, PASSWORD,
            tls_ca_pem=self.authority.ca_pem, srtp=srtp,
        )  # fmt: skip
        line = SipLine(SipSettings(account, local_port=0, codecs=("opus", "g722"), nat=NatSettings(ice=True)))
        with self.home.entered():
            line.start()
        try:
            line.wait_for_registration(RegistrationState.REGISTERED)
            line.say(PHONE_HZ)
            yield line
        finally:
            line.stop()


@dataclass(frozen=True, slots=True)
class Caller:
    """A page with somebody who speaks SIP for it."""

    page: WebPhone
    peer: ScriptedPeer

    def call(self, line: SipLine) -> tuple[CallId, SipMessage]:
        """Call the phone, which answers; return the call there, and its answer."""
        self.peer.invite("alice", body=self.page.offer())
        call_id = line.wait_for(IncomingCallReceived).call_id
        line.stack.order(AnswerCall(call_id))
        answer = self.peer.receive(200, method="INVITE")
        self.peer.establish(answer)
        self.peer.acknowledge(answer)
        self.page.accept(answer.body)
        line.wait_for_call(call_id, CallState.ACTIVE)
        return call_id, answer

    def be_called(self, line: SipLine) -> tuple[CallId, SipMessage]:
        """Take a call of the phone's; return the call there, and its offer."""
        call_id = new_call_id()
        line.stack.order(PlaceCall(call_id, SipUri(f"sip:{self.peer.user}@{DOMAIN}")))
        invite = self.peer.take_call()
        self.reply(invite)
        line.wait_for_call(call_id, CallState.ACTIVE)
        return call_id, invite

    def reply(self, invite: SipMessage) -> None:
        """Answer an offer."""
        self.peer.reply(invite, 200, body=self.page.answer(invite.body))
        self.peer.receive("ACK")

    def change(self, *, is_held: bool) -> None:
        """Put the call on hold, or take it back."""
        self.page.hold(is_held=is_held)
        self.peer.send("INVITE", body=self.page.offer())
        answer = self.peer.receive(200, method="INVITE")
        self.peer.acknowledge(answer)
        self.page.accept(answer.body)

    def hang_up(self, line: SipLine, call_id: CallId) -> None:
        self.peer.hang_up()
        self.page.hang_up()
        line.wait_for_call(call_id, CallState.DISCONNECTED)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    authority = CertificateAuthority(folder / "ca")
    certificate = authority.issue(DOMAIN, hosts=(DOMAIN, OPERATOR))
    with (
        Namespace() as home,
        Namespace() as operator,
        LossyCable(home, operator, [f"{HOME}/24"], [f"{OPERATOR}/24"]) as cable,
        Kamailio(
            folder / "registrar", {"alice": PASSWORD}, certificate=certificate, domain=DOMAIN, addresses=(OPERATOR,),
            namespace=operator,
        ) as registrar,
    ):  # fmt: skip
        yield Site(home, operator, cable, registrar, authority)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[native.Line]:
    """Return what the stack sees of the stream that runs, each time that it looks."""
    seen: list[native.Line] = []
    look = native.look_at_line

    def look_at_line(stream: int) -> native.Line:
        seen.append(look(stream))
        return seen[-1]

    monkeypatch.setattr(native, "look_at_line", look_at_line)
    return seen


def wait_until_talking(line: SipLine, page: WebPhone) -> None:
    wait_until(lambda: level(page.last_heard(WINDOW_S), PHONE_HZ) > HEARD, "the page hears the phone", look_s=LOOK_S)
    wait_until(lambda: level(line.last_heard(WINDOW_S), PAGE_HZ) > HEARD, "the phone hears the page", look_s=LOOK_S)


def wait_until_page_hears_nothing(page: WebPhone) -> None:
    wait_until(lambda: level(page.last_heard(WINDOW_S), PHONE_HZ) < NOT_HEARD, "the page hears nothing", look_s=LOOK_S)


def wait_until_silent(line: SipLine, page: WebPhone) -> None:
    wait_until_page_hears_nothing(page)
    wait_until(lambda: level(line.last_heard(WINDOW_S), PAGE_HZ) < NOT_HEARD, "the phone hears nothing", look_s=LOOK_S)


def wait_until_encrypted(line: SipLine) -> None:
    measured = line.wait_for(CallQualityMeasured, lambda event: event.quality.encrypted)
    assert measured.quality.codec.lower() == "opus"


def test_a_browser_calls_and_both_hear_each_other_encrypted(site: Site) -> None:
    with site.page() as caller, site.phone(Srtp.PREFERRED) as line:
        call_id, answer = caller.call(line)
        assert "UDP/TLS/RTP/SAVPF 111 63" in answer.body
        assert "a=fmtp:63 111/111" in answer.body
        # Which would forbid to tell what is lost (RFC 3556 section 2).
        assert "b=RR:0" not in answer.body
        wait_until_talking(line, caller.page)
        wait_until_encrypted(line)
        caller.hang_up(line, call_id)


def test_a_browser_is_called_and_both_hear_each_other_encrypted(site: Site) -> None:
    with site.page() as caller, site.phone(Srtp.DTLS) as line:
        call_id, _ = caller.be_called(line)
        wait_until_talking(line, caller.page)
        wait_until_encrypted(line)
        line.stack.order(HangUpCall(call_id))
        caller.peer.confirm_hang_up()
        line.wait_for_call(call_id, CallState.DISCONNECTED)


@pytest.mark.parametrize("srtp", [Srtp.PREFERRED, Srtp.DTLS])
def test_either_end_holds_a_call_with_a_browser_and_takes_it_back(site: Site, srtp: Srtp) -> None:
    with site.page() as caller, site.phone(srtp) as line:
        call_id, _ = caller.be_called(line) if srtp is Srtp.DTLS else caller.call(line)
        wait_until_talking(line, caller.page)
        line.stack.order(HoldCall(call_id))
        caller.reply(caller.peer.receive("INVITE"))
        line.wait_for_call(call_id, CallState.HELD)
        wait_until_silent(line, caller.page)
        line.stack.order(ResumeCall(call_id))
        caller.reply(caller.peer.receive("INVITE"))
        line.wait_for_call(call_id, CallState.ACTIVE)
        wait_until_talking(line, caller.page)
        line.forget()
        caller.change(is_held=True)
        line.wait_for(CallAudioChanged, lambda event: not event.sending)
        wait_until_page_hears_nothing(caller.page)
        caller.change(is_held=False)
        wait_until_talking(line, caller.page)
        caller.hang_up(line, call_id)


def test_on_a_line_that_loses_packets_a_browser_gets_them_again(site: Site) -> None:
    with site.page() as caller, site.phone(Srtp.PREFERRED) as line:
        call_id, _ = caller.call(line)
        wait_until_talking(line, caller.page)
        assert caller.page.spare_packets == 0, "nothing was lost yet"
        site.cable.change(LOSSY)
        wait_until(lambda: caller.page.spare_packets > 0, "it gets packets again", LOSS_IS_KNOWN_S, look_s=LOOK_S)
        site.cable.change(Line())
        caller.hang_up(line, call_id)


def test_what_a_browser_sends_again_is_heard_where_the_line_lost_it(site: Site, looks: list[native.Line]) -> None:
    with site.page(sends_redundancy=True) as caller, site.phone(Srtp.PREFERRED) as line:
        call_id, _ = caller.call(line)
        wait_until_talking(line, caller.page)
        site.cable.change(LOSSY)
        wait_until(lambda: bool(looks) and looks[-1].copied > 0, "a copy is heard", LOSS_IS_KNOWN_S)
        site.cable.change(Line())
        caller.hang_up(line, call_id)
