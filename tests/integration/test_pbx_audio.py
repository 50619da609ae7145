"""Calls through a real Asterisk as it comes, under the card's own firewall: who hears whom."""

import re
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from firmware.phone.call import AudioTrouble, CallId, CallState, RegistrationState, SipUri
from firmware.phone.dial_plan import DialPlan
from firmware.phone.news import CallQualityMeasured, IncomingCallReceived
from firmware.phone.orders import AnswerCall, HangUpCall, HoldCall, PlaceCall, ResumeCall
from firmware.voice.sip.settings import NatSettings
from provisioning.calling import Dialing
from provisioning.sip import Sip
from provisioning.sip_choices import Srtp, Transport
from tests.lab import chance
from tests.lab.asterisk import MUSIC_HZ, UDP_PORT
from tests.lab.asterisk_root import asterisk_or_skip
from tests.lab.audio import level
from tests.lab.card_rules import lets_through, refused
from tests.lab.network import behind_a_router
from tests.lab.packets import Packet, PacketTrace
from tests.lab.patience import wait_until
from tests.lab.pbx_site import (
    CALLER,
    FRIEND,
    FRIEND_6,
    FRIEND_HZ,
    MEDIA,
    MEDIA_6,
    PBX,
    PBX_6,
    PHONE,
    PHONE_6,
    PHONE_HZ,
    PUBLIC_FRIEND,
    STRANGER,
    STRANGER_6,
    PbxSite,
    pbx_site,
)
from tests.lab.rtp_stranger import STRANGER_HZ, RtpStranger
from tests.lab.scripted_peer import ScriptedPeer, sdp
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine

pytestmark = pytest.mark.feature("PBX")

WINDOW_S = 0.4
SETTLED_S = 1.0
# Three times as long as until a stop is told by what both ends count.
TOLD_S = 60.0
HEARD = 1000.0
UNHEARD = 50.0
UNKNOWN = 4000
"""A port that nobody's audio is at."""
HANDSHAKES = [bytes([kind]) for kind in range(20, 64)]
"""What DTLS begins with (RFC 7983 section 7)."""


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    asterisk_or_skip()


def until_both_hear(phone: SipLine, friend: SecondPhone) -> None:
    for ear, frequency_hz in ((friend.last_heard, PHONE_HZ), (phone.last_heard, FRIEND_HZ)):
        wait_until(lambda: level(ear(WINDOW_S), frequency_hz) >= HEARD, f"{frequency_hz} Hz is heard", look_s=0.05)  # noqa: B023


def until_music(phone: SipLine | SecondPhone) -> None:
    wait_until(lambda: level(phone.last_heard(WINDOW_S), MUSIC_HZ) >= HEARD, "the music is heard", look_s=0.05)


def until_held(friend: SecondPhone) -> None:
    """Wait until the music has taken the phone's place."""

    def is_alone() -> bool:
        heard = friend.last_heard(WINDOW_S)
        return level(heard, MUSIC_HZ) >= HEARD > level(heard, PHONE_HZ)

    wait_until(is_alone, "the music is heard", look_s=0.05)


def until_named(site: PbxSite, address: str) -> None:
    """Wait until the phone's call has audio go to an address that is none of its servers'."""
    wait_until(lambda: lets_through(site.phone_network, address), f"the call names {address}", look_s=0.05)


def spoken(site: PbxSite) -> dict[str, str]:
    """Return the codec of each channel at the PBX."""
    return dict(
        re.findall(
            r"^.*?(alice|bob)-\S+ .*? (ulaw|alaw|g722|opus) ", site.pbx.order("pjsip show channelstats"), re.MULTILINE
        )
    )


def talk(phone: SipLine, friend: SecondPhone, *, outgoing: bool) -> CallId:
    """Have the two talk, and return the call at the phone."""
    caller, callee, user = (phone, friend, "bob") if outgoing else (friend, phone, "alice")
    placed = CallId(uuid.uuid4().hex)
    caller.stack.order(PlaceCall(placed, SipUri(f"sip:{user}@pbx.example")))
    taken = callee.wait_for(IncomingCallReceived).call_id
    callee.stack.order(AnswerCall(taken))
    call_id = placed if outgoing else taken
    phone.wait_for_call(call_id, CallState.ACTIVE)
    return call_id


DTLS = ("media_encryption=dtls", "dtls_auto_generate_cert=yes", "dtls_verify=fingerprint", "direct_media=no")


def direct(address: str) -> tuple[str, ...]:
    """Have the phones talk past the PBX."""
    return ("direct_media=yes", *(("rtp_ipv6=yes",) if ":" in address else ()))


def apart(address: str) -> tuple[str, ...]:
    """Have the PBX's audio at an address that it does not signal from."""
    return (*direct(address), "direct_media=no", f"media_address={address}", "bind_rtp_to_media_address=yes")


WAYS = {
    "near": (FRIEND, PBX, FRIEND, direct(PBX), Srtp.OFF),
    "public": (PUBLIC_FRIEND, PBX, PUBLIC_FRIEND, direct(PBX), Srtp.OFF),
    "ipv6": (FRIEND, PBX_6, FRIEND_6, direct(PBX_6), Srtp.OFF),
    "sdes": (FRIEND, PBX, MEDIA, (*apart(MEDIA), "media_encryption=sdes"), Srtp.MANDATORY),
    "sdes-ipv6": (FRIEND, PBX_6, MEDIA_6, (*apart(MEDIA_6), "media_encryption=sdes"), Srtp.MANDATORY),
    "dtls": (FRIEND, PBX, MEDIA, (*apart(MEDIA), *DTLS), Srtp.DTLS),
    "dtls-ipv6": (FRIEND, PBX_6, MEDIA_6, (*apart(MEDIA_6), *DTLS), Srtp.DTLS),
    "ice": (FRIEND, PBX, MEDIA, (*apart(MEDIA), *DTLS, "ice_support=yes"), Srtp.DTLS),
}


@pytest.mark.asterisk("direct media", "IPv6")
@pytest.mark.parametrize("outgoing", [True, False], ids=["outgoing", "incoming"])
@pytest.mark.parametrize("way", WAYS)
def test_audio_that_goes_elsewhere_than_signalling_is_heard_at_both_ends(
    tmp_path: Path, way: str, *, outgoing: bool
) -> None:
    address, server, other, endpoint, srtp = WAYS[way]
    nat = NatSettings(ice=way == "ice")
    with (
        pbx_site(tmp_path, friend=address, endpoint=endpoint) as site,
        site.phone(server=server, account={"srtp": srtp}, nat=nat) as phone,
        site.friend(server=server, account={"srtp": srtp}, nat=nat) as friend,
    ):
        call_id = talk(phone, friend, outgoing=outgoing)
        until_named(site, other)
        until_both_hear(phone, friend)
        # What comes before the phone knows from whom is lost. From now on nothing is, and nothing ever goes in vain.
        before = refused(site.phone_network)
        time.sleep(WINDOW_S)
        until_both_hear(phone, friend)
        assert refused(site.phone_network) == before == (0, before[1])
        phone.stack.order(HangUpCall(call_id))


def sound_from(trace: PacketTrace, source: str) -> Packet:
    """Return the last packet of what one end says to the other."""

    def said() -> list[Packet]:
        return [sent for sent in trace.packets if sent.source == source and sent.is_rtp]

    wait_until(lambda: bool(said()), f"{source} says something", look_s=0.02)
    return said()[-1]


# The key exchange of "ice" is that of "dtls".
@pytest.mark.parametrize("outgoing", [True, False], ids=["outgoing", "incoming"])
@pytest.mark.parametrize("way", ["near", "public", "ipv6", "sdes", "sdes-ipv6", "dtls"])
def test_a_stranger_is_not_heard_hears_nothing_and_disturbs_nobody(tmp_path: Path, way: str, *, outgoing: bool) -> None:
    address, server, other, endpoint, srtp = WAYS[way]
    own, stranger_s = (PHONE_6, STRANGER_6) if ":" in server else (PHONE, STRANGER)
    with (
        pbx_site(tmp_path, friend=address, endpoint=endpoint) as site,
        site.stranger() as place,
        site.phone(server=server, account={"srtp": srtp}) as phone,
        site.friend(server=server, account={"srtp": srtp}) as friend,
    ):
        call_id = talk(phone, friend, outgoing=outgoing)
        until_named(site, other)
        until_both_hear(phone, friend)
        with PacketTrace(site.phone_end) as trace:
            stream = sound_from(trace, own)
            stranger = RtpStranger(place, chance.dice())
            phone.forget()
            before = phone.mark()
            ports = range(Sip().rtp_port, Sip().rtp_port + Sip().rtp_ports)
            far = (stream.destination, stream.destination_port)
            for source in ((stranger_s, UNKNOWN), (stranger_s, far[1]), (far[0], UNKNOWN), (server, UNKNOWN)):
                stranger.send(*source, own, ports)
                until_both_hear(phone, friend)
            if srtp is not Srtp.OFF:
                # Whoever stands in between knows the far end's address and ports.
                for _ in range(200):
                    stranger.send(*far, own, [stream.source_port, stream.source_port + 1])
            until_both_hear(phone, friend)
            assert level(phone.heard_since(before), STRANGER_HZ) < UNHEARD
            heard = [sent for sent in trace.packets if sent.source == own]
            assert not [sent for sent in heard if sent.destination == stranger_s or sent.destination_port == UNKNOWN]
        assert not [event for _, event in phone.events if not isinstance(event, CallQualityMeasured)]
        phone.stack.order(HangUpCall(call_id))


def test_the_stranger_s_program_is_heard_where_nothing_tells_it_from_the_other_end(tmp_path: Path) -> None:
    with (
        pbx_site(tmp_path, endpoint=direct(PBX)) as site,
        site.stranger() as place,
        site.phone() as phone,
        site.friend() as friend,
    ):
        call_id = talk(phone, friend, outgoing=True)
        until_both_hear(phone, friend)
        with PacketTrace(site.phone_end) as trace:
            stream = sound_from(trace, PHONE)
        stranger = RtpStranger(place, chance.dice())

        def is_heard() -> bool:
            stranger.send(stream.destination, stream.destination_port, PHONE, [stream.source_port])
            return level(phone.last_heard(WINDOW_S), STRANGER_HZ) >= UNHEARD

        wait_until(is_heard, "what has no keys is heard from the other end's address and port", look_s=0.02)
        phone.stack.order(HangUpCall(call_id))


def test_a_server_in_a_trusted_network_calls_and_nobody_beside_it_gets_an_answer(tmp_path: Path) -> None:
    rules = '[sip]\ntrusted_networks = ["10.77.0.0/16"]'
    towards_phone = {"registers": False, "domain": PHONE, "password": ""}
    with pbx_site(tmp_path, friend=CALLER) as site, site.phone(rules=rules) as phone:
        site.friend_network.ip("address", "add", f"{STRANGER}/32", "dev", "cable0")
        with site.friend_network.entered():
            stranger = ScriptedPeer(UDP_PORT, address=STRANGER, server=PHONE, domain=PHONE)
        with stranger, site.friend(server=PHONE, account=towards_phone) as caller:
            stranger.invite("alice", body=sdp(address=STRANGER))
            placed = CallId(uuid.uuid4().hex)
            caller.stack.order(PlaceCall(placed, SipUri(f"sip:alice@{PHONE}")))
            incoming = phone.wait_for(IncomingCallReceived)
            assert not incoming.caller.asserted
            phone.stack.order(AnswerCall(incoming.call_id))
            until_both_hear(phone, caller)
            phone.stack.order(HangUpCall(incoming.call_id))
            caller.wait_for_call(placed, CallState.DISCONNECTED)
            assert refused(site.phone_network)[0] == 0
            with pytest.raises(AssertionError):
                stranger.receive_where(lambda _answer: True, timeout_s=0)


def call_pbx(phone: SipLine, extension: str) -> CallId:
    call_id = CallId(uuid.uuid4().hex)
    phone.stack.order(PlaceCall(call_id, SipUri(f"sip:{extension}@pbx.example")))
    phone.wait_for_call(call_id, CallState.ACTIVE)
    return call_id


def troubles(phone: SipLine, count: int) -> list[AudioTrouble | None]:
    """Return what so many measurements from now on say is wrong."""
    phone.forget()
    return [phone.wait_for(CallQualityMeasured, timeout_s=TOLD_S).quality.trouble for _ in range(count)]


def first_trouble(phone: SipLine) -> AudioTrouble | None:
    return phone.wait_for(CallQualityMeasured, lambda event: event.quality.trouble is not None, TOLD_S).quality.trouble


@pytest.mark.parametrize(
    ("rules", "trouble"),
    [
        ("", None),
        ('media = "servers"', AudioTrouble.BLOCKED),
        (f'media_refused = ["{PUBLIC_FRIEND}/32"]', AudioTrouble.BLOCKED),
    ],
    ids=["described", "servers alone", "refused"],
)
def test_audio_that_our_own_firewall_keeps_out_is_told_as_blocked(
    tmp_path: Path, rules: str, trouble: AudioTrouble | None
) -> None:
    # As large operators have it: sound comes from another address than signalling.
    elsewhere = (f"media_address={PUBLIC_FRIEND}", "bind_rtp_to_media_address=yes")
    with pbx_site(tmp_path, endpoint=elsewhere) as site, site.phone(rules=rules) as phone:
        site.pbx_network.ip("address", "add", f"{PUBLIC_FRIEND}/32", "dev", "bridge")
        call_id = call_pbx(phone, "600")
        assert troubles(phone, 2) == [trouble] * 2
        phone.stack.order(HangUpCall(call_id))


@pytest.mark.parametrize(
    ("way", "trouble"), [("input", AudioTrouble.NOT_HEARD), ("output", AudioTrouble.NOTHING_HEARD)]
)
@pytest.mark.parametrize("from_the_start", [True, False], ids=["from the start", "later"])
def test_a_way_that_carries_no_audio_is_told(
    tmp_path: Path, way: str, trouble: AudioTrouble, *, from_the_start: bool
) -> None:
    with pbx_site(tmp_path) as site, site.phone() as phone:
        if from_the_start:
            site.mute(way)
        call_id = call_pbx(phone, "music")
        if not from_the_start:
            until_music(phone)
            assert troubles(phone, 1) == [None]
            site.mute(way)
        assert first_trouble(phone) is trouble
        phone.forget()
        phone.stack.order(HangUpCall(call_id))
        # What the log keeps.
        assert phone.wait_for(CallQualityMeasured).quality.trouble is trouble


def test_nothing_is_told_of_a_good_call_nor_on_hold_at_either_end_nor_after_it(tmp_path: Path) -> None:
    with (
        pbx_site(tmp_path, endpoint=("direct_media=no",)) as site,
        site.phone() as phone,
        site.friend() as friend,
    ):
        theirs = CallId(uuid.uuid4().hex)
        friend.stack.order(PlaceCall(theirs, SipUri("sip:alice@pbx.example")))
        ours = phone.wait_for(IncomingCallReceived).call_id
        phone.stack.order(AnswerCall(ours))
        until_both_hear(phone, friend)
        assert troubles(phone, 2) == [None] * 2
        for holder, held in ((phone, ours), (friend, theirs)):
            holder.stack.order(HoldCall(held))
            holder.wait_for_call(held, CallState.HELD)
            assert troubles(phone, 2) == [None] * 2
            holder.stack.order(ResumeCall(held))
            until_both_hear(phone, friend)
        assert troubles(phone, 2) == [None] * 2
        phone.stack.order(HangUpCall(ours))


def test_a_mailbox_that_records_in_silence_is_no_fault(tmp_path: Path) -> None:
    with pbx_site(tmp_path) as site, site.phone() as phone:
        call_id = call_pbx(phone, "silent")
        until_music(phone)
        assert troubles(phone, 5) == [None] * 5
        phone.stack.order(HangUpCall(call_id))


@pytest.mark.asterisk("registering", "hold")
@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
def test_a_call_that_is_held_keeps_its_codec_and_whoever_waits_hears_the_pbx_s_music(
    tmp_path: Path, transport: Transport
) -> None:
    with (
        # As FreePBX has it: another order than the phone's own.
        pbx_site(tmp_path, endpoint=("disallow=all", "allow=ulaw,alaw,g722", "direct_media=no")) as site,
        site.friend(codecs=("pcmu",)) as friend,
        site.line(account={"transport": transport}, codecs=("g722", "opus", "pcma", "pcmu")) as phone,
    ):
        phone.wait_for_registration(RegistrationState.REGISTERED)
        phone.say(PHONE_HZ)
        held = talk(phone, friend, outgoing=False)
        until_both_hear(phone, friend)
        codecs = spoken(site)
        phone.stack.order(HoldCall(held))
        until_held(friend)
        assert spoken(site) == codecs
        phone.stack.order(ResumeCall(held))
        until_both_hear(phone, friend)
        assert spoken(site) == codecs
        phone.stack.order(HangUpCall(held))


WEBRTC = ("webrtc=yes", "dtls_auto_generate_cert=yes", "direct_media=no")
AGREED = {
    "active": ((*DTLS, "dtls_setup=active"), False),
    "passive": ((*DTLS, "dtls_setup=passive"), False),
    "webrtc": (WEBRTC, True),
}


@pytest.mark.asterisk("DTLS")
@pytest.mark.parametrize("outgoing", [True, False], ids=["outgoing", "incoming"])
@pytest.mark.parametrize("how", AGREED)
def test_a_call_whose_keys_come_by_dtls_is_heard_at_both_ends_and_after_a_hold(
    tmp_path: Path, how: str, *, outgoing: bool
) -> None:
    endpoint, ice = AGREED[how]
    nat = NatSettings(ice=ice)
    with (
        pbx_site(tmp_path, endpoint=endpoint) as site,
        site.friend(account={"srtp": Srtp.DTLS}, nat=nat) as friend,
        site.line(account={"srtp": Srtp.DTLS}, nat=nat) as phone,
    ):
        phone.wait_for_registration(RegistrationState.REGISTERED)
        phone.say(PHONE_HZ)
        call_id = talk(phone, friend, outgoing=outgoing)
        until_both_hear(phone, friend)
        # What settles on a codec would come within this time.
        time.sleep(SETTLED_S)
        until_both_hear(phone, friend)
        with PacketTrace(site.phone_end) as trace:
            phone.stack.order(HoldCall(call_id))
            until_held(friend)
            time.sleep(SETTLED_S)
        # The PBX, on hold, would not go on, and later the longer it was held the less readily.
        assert not [sent for sent in trace.packets if sent.source == PHONE and sent.payload[:1] in HANDSHAKES]
        phone.stack.order(ResumeCall(call_id))
        until_both_hear(phone, friend)
        time.sleep(SETTLED_S)
        until_both_hear(phone, friend)
        phone.stack.order(HangUpCall(call_id))


@pytest.mark.asterisk("NAT")
@pytest.mark.parametrize("outgoing", [True, False], ids=["outgoing", "incoming"])
def test_a_phone_behind_a_router_calls_and_is_called_with_sound(tmp_path: Path, *, outgoing: bool) -> None:
    near = ("direct_media=no", "rtp_symmetric=yes", "force_rport=yes", "rewrite_contact=yes")
    with (
        pbx_site(tmp_path, endpoint=near) as site,
        behind_a_router(site.phone_network, "cable0") as inside,
        site.friend() as friend,
        replace(site, phone_network=inside).line() as phone,
    ):
        phone.wait_for_registration(RegistrationState.REGISTERED)
        phone.say(PHONE_HZ)
        call_id = talk(phone, friend, outgoing=outgoing)
        until_both_hear(phone, friend)
        phone.stack.order(HangUpCall(call_id))


@pytest.mark.asterisk("codes")
def test_a_code_that_is_none_of_the_phone_s_own_reaches_the_pbx(tmp_path: Path) -> None:
    with pbx_site(tmp_path) as site, site.phone() as phone:
        plan = DialPlan.build(country="GB", domain="pbx.example", digit_map=Dialing().digit_map)
        call_id = CallId(uuid.uuid4().hex)
        phone.stack.order(PlaceCall(call_id, plan.normalize("*43")))
        phone.wait_for_call(call_id, CallState.ACTIVE)
        assert "CODE *43" in site.pbx.log
        phone.stack.order(HangUpCall(call_id))
