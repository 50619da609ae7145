"""How many voice messages wait, asked for or not (RFC 3842)."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from firmware.phone.call import RegistrationState
from firmware.phone.news import VoicemailCounted
from tests.lab.kamailio import Kamailio
from tests.lab.scripted_peer import Dialog, ScriptedPeer, SipMessage
from tests.lab.sip_line import SipLine
from tests.lab.three_agents import USERS, settings_of

SUMMARY = "Messages-Waiting: {waiting}\r\nMessage-Account: sip:voicemail@localhost\r\n{counts}"
HEADERS = ("Event: message-summary", "Content-Type: application/simple-message-summary")


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    with Kamailio(tmp_path_factory.mktemp("kamailio"), USERS) as kamailio:
        yield kamailio


def summary(new: int, old: int) -> str:
    return SUMMARY.format(waiting="yes" if new else "no", counts=f"Voice-Message: {new}/{old} (0/0)\r\n")


def test_a_count_that_nobody_asked_for_is_taken(server: Kamailio) -> None:
    with SipLine(settings_of("alice", server)) as line, ScriptedPeer(server.udp_port, "voicemail") as voicemail:
        line.wait_for_registration(RegistrationState.REGISTERED)
        for sequence, (body, told) in enumerate(
            [
                (summary(2, 8), VoicemailCounted(2, 8)),
                (SUMMARY.format(waiting="yes", counts=""), VoicemailCounted(1)),
                ("nonsense\r\n", None),
                (summary(0, 10), VoicemailCounted(0, 10)),
            ]
        ):
            sender = "<sip:voicemail@localhost>;tag=1"
            voicemail.dialog = Dialog(f"{sequence}-unasked", sender, "<sip:alice@localhost>", "sip:alice@localhost")
            voicemail.send("NOTIFY", *HEADERS, "Subscription-State: active;expires=0", body=body)
            voicemail.receive(200 if told else 400, method="NOTIFY")
            if told is not None:
                assert line.wait_for(VoicemailCounted) == told
        assert not [event for _, event in line.events if isinstance(event, VoicemailCounted)]


def test_an_account_that_watches_its_voicemail_subscribes(server: Kamailio) -> None:
    settings = settings_of("alice", server)
    watching = replace(settings, account=replace(settings.account, watch_voicemail=True))
    with ScriptedPeer(server.udp_port, "voicemail") as voicemail, SipLine(watching) as line:
        server.route("alice", voicemail.uri)
        subscribe = voicemail.receive("SUBSCRIBE")
        assert subscribe.header("Event") == "message-summary"
        assert {word.strip() for word in subscribe.header("Allow-Events").split(",")} == {"message-summary", "refer"}
        begin(voicemail, subscribe)
        voicemail.send("NOTIFY", *HEADERS, "Subscription-State: active;expires=600", body=summary(3, 1))
        voicemail.receive(200, method="NOTIFY")
        assert line.wait_for(VoicemailCounted) == VoicemailCounted(3, 1)
        line.stack.stop()


def begin(voicemail: ScriptedPeer, subscribe: SipMessage) -> None:
    """Accept a subscription and become its notifier."""
    voicemail.dialog = Dialog(
        subscribe.header("Call-ID"),
        f"{subscribe.header('To')};tag=notifier",
        subscribe.header("From"),
        subscribe.target,
        subscribe.all("Record-Route"),
    )
    voicemail.reply(subscribe, 200, "Expires: 600")
