"""Who is at the other end of the whole handset's calls, what is heard beside the talk, and how a call sounds."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.office import BOB, PERSON, Office, OpenEar, hears, speaking, talk
from tests.lab.person import Person
from tests.lab.rtp_ear import RtpEar
from tests.lab.scripted_peer import ScriptedPeer, SipMessage, sdp
from tests.lab.stage import Choices

AUNT = "5553"
OUTSIDER = "5550"
LONDONER = "+442079460123"
SCRIPTED = "630"
SPOKEN_HZ = 1000


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("office"), Choices())
    office.stage.handset.add_contact("Aunt", AUNT, country="GB")
    with office.running():
        yield office


@pytest.fixture
def peer(office: Office) -> Iterator[ScriptedPeer]:
    with ScriptedPeer(office.stage.kamailio.udp_port) as peer:
        office.stage.kamailio.route(SCRIPTED, peer.uri)
        yield peer


# --- who calls --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "header", "lines"),
    [
        (OUTSIDER, f'P-Asserted-Identity: "Front Desk" <sip:{AUNT}9@localhost>', ("Front Desk", f"{AUNT}9")),
        (
            OUTSIDER,
            f'Remote-Party-ID: "Back Office" <sip:{AUNT}8@localhost>;party=calling',
            ("Back Office", f"{AUNT}8"),
        ),
        (AUNT, 'P-Asserted-Identity: "Nobody" <sip:5553@localhost>', ("Aunt", AUNT)),
        (LONDONER, "Subject: a call", (LONDONER, "London")),
        (
            OUTSIDER,
            f"P-Asserted-Identity: <sip:{AUNT}6;verstat=TN-Validation-Passed@localhost>",
            (f"{AUNT}6", "✓ Verified"),
        ),
        (OUTSIDER, f'Diversion: "Reception" <sip:{AUNT}7@localhost>;reason=no-answer', ("by way of Reception",)),
    ],
    ids=["asserted identity", "remote party", "a contact's name first", "region of a number", "verified", "forwarded"],
)
async def test_the_display_says_who_calls(
    office: Office, clerk: Person, tmp_path: Path, *, caller: str, header: str, lines: tuple[str, ...]
) -> None:
    with office.outsider(tmp_path, caller, HEADER=header):
        await clerk.reads("Incoming call")
        for line in lines:
            await clerk.reads(line)
        await clerk.press("cancel")


# --- what is heard beside the talk ------------------------------------------------------------------------------------


async def test_what_the_network_plays_before_the_answer_is_heard_with_the_microphone_shut(
    clerk: Person, peer: ScriptedPeer
) -> None:
    with RtpEar() as voice:
        await clerk.lift()
        await clerk.send(SCRIPTED)
        invite = peer.take_call()
        peer.reply(invite, 183, body=sdp(voice.port))
        voice.speak_to(media_port(invite))
        await clerk.listen_for([SPOKEN_HZ])
        status = await clerk.status()
        assert (status["call"], status["microphone_open"]) == ("alerting", False)
        await clerk.hang_up()
        peer.reply(peer.receive("CANCEL"), 200)
        peer.reply(invite, 487)


async def test_the_music_of_one_who_holds_is_heard_with_the_microphone_shut(clerk: Person, peer: ScriptedPeer) -> None:
    with RtpEar() as voice, speaking():
        await clerk.lift()
        await clerk.send(SCRIPTED)
        invite = peer.take_call()
        peer.reply(invite, 200, body=sdp(voice.port))
        await clerk.wait_for_call("active")
        voice.speak_to(media_port(invite))
        offer(peer, sdp(voice.port, direction="sendonly"))
        await clerk.reads("You are on hold")
        await clerk.wait_for(lambda status: not status["microphone_open"])
        await clerk.listen_for([SPOKEN_HZ])
        voice.wait_for_silence()
        offer(peer, sdp(voice.port))
        await clerk.wait_for(lambda status: status["microphone_open"])
        await clerk.no_longer_reads("You are on hold")
        await clerk.hang_up()
        peer.confirm_hang_up()


async def test_one_who_holds_in_silence_is_not_heard(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        await hears(ear, BOB)
        office.bob.holds()
        await clerk.reads("You are on hold")
        await hears(ear)
        await hears(office.bob)
        office.bob.resumes()
        await hears(ear, BOB)
        await hears(office.bob, PERSON)


def media_port(invite: SipMessage) -> int:
    """Where an offer wants its audio."""
    found = re.search(r"^m=audio (\d+) ", invite.body, re.MULTILINE)
    assert found is not None
    return int(found[1])


def offer(peer: ScriptedPeer, body: str) -> None:
    """Offer another session within the call."""
    peer.send("INVITE", body=body)
    answer = peer.receive(200, method="INVITE")
    peer.acknowledge(answer)


# --- how it sounds ----------------------------------------------------------------------------------------------------


async def test_how_a_call_sounds_is_on_a_screen_and_in_the_log(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        await hears(ear, BOB)
        await clerk.hang_up()
    # What is measured last comes after the end.
    await clerk.wait_for(lambda _: office.newest_call()["sound"] is not None)
    sound = office.newest_call()["sound"]
    assert (sound["codec"], sound["encrypted"]) == ("G722", True)
    assert sound["mos"] > 4
    assert sound["loss_percent"] < 5
    await clerk.press("menu")
    await clerk.dial("721")
    await clerk.reads(BOB)
    await clerk.reads(f"good, {sound['mos']:.1f} of 5")
