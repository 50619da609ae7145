import base64
import re
from ipaddress import ip_address, ip_network
from time import thread_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firmware.voice.sip.sdp import BodyError, Fault, parse_description
from firmware.voice.sip.sdp_attributes import Address, parse_number
from tests.unit.voice.sip import descriptions
from tests.unit.voice.sip.descriptions import FINGERPRINT, KEY_30, PASSWORD, PLAIN, written

NETWORKS = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]


def is_near(address: Address) -> bool:
    return any(address in network for network in NETWORKS)


def rewritten(text: str | bytes, *, is_offer: bool = True) -> str:
    body = text if isinstance(text, bytes) else written(text)
    return parse_description(body, is_near, is_offer=is_offer).text().decode().replace("\r\n", "\n")


def fault_of(text: str | bytes, *, is_offer: bool = True) -> Fault:
    with pytest.raises(BodyError) as caught:
        rewritten(text, is_offer=is_offer)
    return caught.value.fault


def stream_lines(text: str) -> list[str]:
    return rewritten(text).split("m=audio ", 1)[1].splitlines()


def with_line(line: str, text: str = PLAIN) -> str:
    return text.replace("a=sendrecv\n", f"a=sendrecv\n{line}\n")


def test_a_plain_description_comes_out_in_its_normal_form() -> None:
    assert rewritten(PLAIN) == (
        "v=0\no=- 1757084242 1 IN IP4 0.0.0.0\ns=-\nc=IN IP4 192.0.2.10\nt=0 0\n"
        "m=audio 40000 RTP/AVP 9 8 0 101\na=rtpmap:9 G722/8000\na=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\n"
        "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=sendrecv\na=ptime:20\n"
    )


def test_baresip_keeps_its_keys_and_codecs() -> None:
    assert stream_lines(descriptions.BARESIP) == [
        "29306 RTP/SAVPF 96 9 8 0 101",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:96 maxaveragebitrate=28000",
        "a=fmtp:101 0-15",
        "a=sendrecv",
        "a=ptime:20",
        "a=rtcp:29307",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY_30}",
        f"a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{KEY_30}",
    ]


def test_linphone_keeps_ice_and_what_it_says_for_the_whole_session() -> None:
    assert stream_lines(descriptions.LINPHONE) == [
        "7078 RTP/AVPF 96 0 8 101 99",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/48000",
        "a=rtpmap:99 telephone-event/8000",
        "a=fmtp:96 useinbandfec=1",
        "a=sendrecv",
        "a=record:off",
        "a=rtcp:43210",
        "a=ice-ufrag:7d3ef5a1",
        f"a=ice-pwd:{PASSWORD}",
        "a=candidate:1 1 UDP 2130706303 198.51.100.7 7078 typ host",
        "a=candidate:1 2 UDP 2130706302 198.51.100.7 43210 typ host",
        "a=candidate:2 1 UDP 1694498687 203.0.113.8 7078 typ srflx",
        "m=video 0 RTP/AVPF 0",
    ]


def test_yealink_and_asterisk_keep_their_codecs() -> None:
    assert stream_lines(descriptions.YEALINK)[0] == "11796 RTP/AVP 0 8 9 101"
    assert stream_lines(descriptions.ASTERISK)[0] == "14218 RTP/AVP 9 8 101"
    assert stream_lines(descriptions.ASTERISK)[-1] == "m=video 0 RTP/AVP 0"


def test_freeswitch_keeps_its_address_and_keys() -> None:
    text = rewritten(descriptions.FREESWITCH)
    assert "\nc=IN IP6 2001:db8::40\n" in text
    assert "\na=rtcp:25531 IN IP6 2001:db8::40\n" in text
    assert "\na=crypto:2 AEAD_AES_128_GCM inline:DsZd0gB5ymEfVGwoBhYFvaDBVQMKdQYjnfLuQA==\n" in text
    assert f"\na=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{KEY_30}\n" in text
    assert "\na=fmtp:102 useinbandfec=1;maxaveragebitrate=30000;maxplaybackrate=48000\n" in text


def test_chrome_keeps_dtls_and_the_candidate_that_is_near() -> None:
    assert stream_lines(descriptions.CHROME) == [
        "54400 UDP/TLS/RTP/SAVPF 111 9 0 8 110 126 63",
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:110 telephone-event/48000",
        "a=rtpmap:126 telephone-event/8000",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:111 useinbandfec=1",
        "a=fmtp:63 111/111",
        "a=sendrecv",
        "a=rtcp-mux",
        f"a=fingerprint:{FINGERPRINT}",
        "a=setup:actpass",
        "a=ice-ufrag:kX4B",
        f"a=ice-pwd:{PASSWORD}",
        "a=candidate:2350803291 1 UDP 2122260223 192.0.2.50 54400 typ host",
        "m=video 0 UDP/TLS/RTP/SAVPF 0",
    ]


def test_firefox_keeps_the_fingerprint_of_its_session() -> None:
    lines = stream_lines(descriptions.FIREFOX)
    assert {f"a=fingerprint:{FINGERPRINT}", "a=setup:actpass", "a=rtpmap:101 telephone-event/8000"} <= set(lines)


def test_a_session_number_fits_the_library() -> None:
    for number in (2**31 - 1, 2**31, 2**64 - 1):
        found = re.search(r"o=- \d+ (\d+) ", rewritten(PLAIN.replace("3904567890 1 ", f"1 {number} ")))
        assert found
        assert int(found[1]) == number % 2**31
    assert fault_of(PLAIN.replace("3904567890 1 ", f"1 {2**64} ")) is Fault.SYNTAX


def test_every_media_line_keeps_its_place() -> None:
    text = PLAIN.replace("m=audio", "m=text 5000 RTP/AVP 98\na=rtpmap:98 t140/1000\nm=audio 0 RTP/AVP 0\nm=audio")
    text += "m=image 5002 udptl t38\nm=audio 5004 RTP/AVP 0\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\n"
    assert [line for line in rewritten(text).splitlines() if line[0] == "m"] == [
        "m=text 5000 RTP/AVP 98",
        "m=audio 0 RTP/AVP 0",
        "m=audio 40000 RTP/AVP 9 8 0 101",
        "m=image 0 udptl t38",
        "m=audio 0 RTP/AVP 0",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
    ]


def test_the_second_audio_stream_is_used_where_the_first_cannot_be() -> None:
    text = PLAIN.replace("m=audio", "m=audio 40002 RTP/SAVP 0\nm=audio")
    assert "m=audio 0 RTP/SAVP 0\nm=audio 40000 RTP/AVP 9" in rewritten(text)


def test_an_answer_may_close_every_stream_but_an_offer_may_not() -> None:
    closed = PLAIN.replace("m=audio 40000", "m=audio 0")
    assert rewritten(closed, is_offer=False).endswith("c=IN IP4 0.0.0.0\nt=0 0\nm=audio 0 RTP/AVP 0\n")
    assert fault_of(closed) is Fault.NO_AUDIO
    assert fault_of(PLAIN.replace("m=audio", "m=video")) is Fault.NO_AUDIO


def test_an_open_stream_that_cannot_be_used_is_a_fault_of_an_answer_too() -> None:
    assert fault_of(PLAIN.replace("IN IP4 192.0.2.10\nt", "IN IP4 pbx.example.org\nt"), is_offer=False) is Fault.ADDRESS


def test_an_address_is_a_literal_one_of_the_family_that_the_line_says(subtests: pytest.Subtests) -> None:
    for address in (
        "IN IP4 2001:db8::1",
        "IN IP6 192.0.2.1",
        "IN IP6 ::ffff:192.0.2.1",
        "IN IP6 fe80::1%eth0",
        "IN IP4 pbx.example.org",
        "IN IP4 " + "1" * 254,
        "IN IP4 192.0.2.1/127",
        "IN IP4 239.1.2.3",
        "IN IP6 ff02::1",
        "IN IP4 255.255.255.255",
        "IN IP4 192.0.2.01",
        "IN IP4 0",
        "IN IP4",
        "IN IP5 192.0.2.1",
        "TN RFC2543 +1-201-406-4090",
    ):
        with subtests.test(address=address):
            assert fault_of(PLAIN.replace("c=IN IP4 192.0.2.10", f"c={address}")) is Fault.ADDRESS


def test_a_stream_without_an_address_cannot_be_used() -> None:
    assert fault_of(PLAIN.replace("c=IN IP4 192.0.2.10\n", "")) is Fault.ADDRESS


def test_the_address_of_the_stream_counts_over_that_of_the_session() -> None:
    text = PLAIN.replace("c=IN IP4 192.0.2.10", "c=IN IP4 pbx.example.org")
    assert "\nc=IN IP6 2001:db8::7\n" in rewritten(text.replace("a=ptime", "c=IN IP6 2001:db8::7\na=ptime"))


def test_a_call_may_be_put_on_hold_in_both_ways() -> None:
    assert "c=IN IP4 0.0.0.0\n" in rewritten(PLAIN.replace("c=IN IP4 192.0.2.10", "c=IN IP4 0.0.0.0"))
    for direction in ("sendonly", "recvonly", "inactive"):
        assert f"\na={direction}\n" in rewritten(PLAIN.replace("sendrecv", direction))
        assert f"\na={direction}\n" in rewritten(
            PLAIN.replace("a=sendrecv\n", "").replace("t=0", f"a={direction}\nt=0")
        )
    assert "\na=sendrecv\n" in rewritten(PLAIN.replace("t=0", "a=inactive\nt=0"))
    assert "\na=sendrecv\n" in rewritten(PLAIN.replace("a=sendrecv\n", ""))


@pytest.mark.parametrize("time", ["10", "20", "30", "40", "50", "60"])
def test_a_packet_time_that_codecs_take_stays(time: str) -> None:
    assert f"\na=ptime:{time}\n" in rewritten(PLAIN.replace("ptime:20", f"ptime:{time}"))


@pytest.mark.parametrize("time", ["200", "0", "-20", "25", "2e1", "20.0", "", "9" * 100, "70"])
def test_another_packet_time_is_left_out(time: str) -> None:
    assert "ptime" not in rewritten(PLAIN.replace("ptime:20", f"ptime:{time}"))


def test_formats_that_are_not_known_are_left_out(subtests: pytest.Subtests) -> None:
    for formats, maps, kept in [
        ("96 0", ["96 speex/8000"], "0"),
        ("96 0", [], "0"),
        ("0 128 -1 x 000 8 0101", ["0101 PCMA/8000"], "0 8"),
        ("96 0", ["96 PCMA/8000", "96 speex/8000"], "96 0"),
        ("0 0 8 0", [], "0 8"),
        ("0", ["0 pcmu/8000/1"], "0"),
        ("0 8", ["0 speex/8000"], "8"),
        ("35 63 0", ["35 opus/48000/2", "63 telephone-event/8000"], "0"),
        ("96 97 98 0", ["96 opus/48000", "97 opus/8000/2", "98 OPUS/48000/2"], "98 0"),
        ("9", ["9 G722/16000"], "9"),
        (" ".join(map(str, range(96, 128))), [f"{number} PCMA/8000" for number in range(96, 128)], None),
    ]:
        with subtests.test(formats=formats):
            text = (
                PLAIN[: PLAIN.index("m=")]
                + f"m=audio 4000 RTP/AVP {formats}\n"
                + "".join(f"a=rtpmap:{m}\n" for m in maps)
            )
            expected = kept or " ".join(map(str, range(96, 108)))
            assert stream_lines(text)[0] == f"4000 RTP/AVP {expected}"


@pytest.mark.parametrize("formats", ["18", "101", "13 101", "96"])
def test_a_stream_without_a_codec_that_is_known_cannot_be_used(formats: str) -> None:
    assert fault_of(PLAIN.replace("9 8 0 101", formats)) is Fault.CODECS


def test_a_number_is_written_in_digits_of_ascii() -> None:
    assert parse_number("7", range(10)) == 7
    assert [parse_number(text, range(10)) for text in ("\xb2", "\uff17", "+7", " 7", "")] == [None] * 5


@pytest.mark.parametrize(("time", "kept"), [("10", True), ("25", True), ("60", True), ("9", False), ("150", False)])
def test_the_longest_packet_that_the_other_end_takes_stays_where_it_binds(time: str, *, kept: bool) -> None:
    assert (f"\na=maxptime:{time}\n" in rewritten(with_line(f"a=maxptime:{time}"))) is kept


def with_redundancy(formats: str, *lines: str) -> list[str]:
    """Offer Opus as 96, G722 as 9 and PCMU beside what is said; return what is left of that."""
    text = PLAIN[: PLAIN.index("m=")] + f"m=audio 4000 RTP/AVP {formats}\na=rtpmap:96 opus/48000/2\n"
    left = stream_lines(text + "".join(f"a={line}\n" for line in lines))
    return [left[0].partition("AVP ")[2], *(line[2:] for line in left if line[2:] in lines)]


@pytest.mark.parametrize(
    ("formats", "lines", "kept"),
    [
        ("96 9 97 98", ["rtpmap:97 red/48000/2", "fmtp:97 96/96", "rtpmap:98 red/8000", "fmtp:98 9/9/9"], "96 9 97 98"),
        ("96 63", ["rtpmap:63 red/48000/2", "fmtp:63 96/96/96/96"], "96 63"),
        # Whoever prefers redundancy names it first.
        ("97 96 9", ["rtpmap:97 RED/48000/2", "fmtp:97 96/96"], "96 9 97"),
        ("9 97", ["rtpmap:97 red/8000/1", "fmtp:97 9/9"], "9 97"),
    ],
)
def test_redundancy_of_a_codec_stays_behind_all_codecs(formats: str, lines: list[str], kept: str) -> None:
    assert with_redundancy(formats, *lines)[0] == kept


def test_redundancy_is_written_as_it_was_agreed_on() -> None:
    lines = ("rtpmap:97 red/48000/2", "fmtp:97 96/96/96")
    assert with_redundancy("97 96 9", *lines) == ["96 9 97", *lines]


def test_redundancy_that_is_not_of_one_codec_alone_is_left_out(subtests: pytest.Subtests) -> None:
    for name, list_of in (
        ("red/90000", "96/96"),
        ("red/48000", "96/96"),
        ("red/8000", "96/96"),
        ("red/48000/2", "9/9"),
        ("red/8000", "0/0"),
        ("red/48000/2", "96"),
        ("red/48000/2", "96/96/96/96/96"),
        ("red/48000/2", "96/9"),
        ("red/48000/2", "96/0/96"),
        ("red/48000/2", "111/111"),
        ("red/48000/2", "97/97"),
        ("red/48000/2", "096/096"),
        ("red/48000/2", "96/96;x=1"),
        ("red/48000/2", "96/96 96"),
        ("red/48000/2", "96//96"),
        ("red/48000/2", ""),
        ("redd/48000/2", "96/96"),
    ):
        with subtests.test(name=name, list_of=list_of):
            assert with_redundancy("96 9 0 97", f"rtpmap:97 {name}", f"fmtp:97 {list_of}") == ["96 9 0"]


def test_of_redundancy_that_is_named_twice_none_is_used() -> None:
    twice = [f"rtpmap:{number} red/48000/2" for number in (97, 98)] + ["fmtp:97 96/96", "fmtp:98 96/96/96"]
    assert with_redundancy("96 97 98", *twice) == ["96"]
    assert with_redundancy("96 97", *twice)[0] == "96 97"


@pytest.mark.parametrize("number", ["0", "9", "34", "64", "72", "095", "128"])
def test_redundancy_on_a_number_that_is_not_free_is_left_out(number: str) -> None:
    assert with_redundancy(f"96 {number} 8", f"rtpmap:{number} red/48000/2", f"fmtp:{number} 96/96") == ["96 8"]


def test_redundancy_alone_is_no_codec() -> None:
    text = PLAIN.replace("9 8 0 101", "97").replace("101 telephone-event/8000", "97 red/8000")
    assert fault_of(text.replace("101 0-16", "97 9/9")) is Fault.CODECS


TEXT = """m=text 5000 RTP/AVP 100 98
c=IN IP4 192.0.2.11
a=rtpmap:98 T140/1000
a=rtpmap:100 red/1000
a=fmtp:100 98/98/98
a=fmtp:98 cps=30
a=rtcp:5001
"""


def text_lines(body: str) -> list[str]:
    """Return what is kept of text: its line, and those below it."""
    lines = rewritten(body).splitlines()
    return lines[next(place for place, line in enumerate(lines) if line.startswith("m=text")) :]


@pytest.mark.feature("real-time text")
def test_text_is_kept_beside_audio_with_its_redundancy_and_an_address_of_its_own() -> None:
    assert text_lines(PLAIN + TEXT) == [
        "m=text 5000 RTP/AVP 98 100",
        "c=IN IP4 192.0.2.11",
        "a=rtpmap:98 t140/1000",
        "a=rtpmap:100 red/1000",
        "a=fmtp:100 98/98/98",
        "a=sendrecv",
        "a=rtcp:5001",
    ]


@pytest.mark.feature("real-time text")
def test_of_two_streams_of_text_the_first_that_can_be_used_is() -> None:
    text = PLAIN + TEXT.replace("T140", "t141") + TEXT + TEXT.replace("5000", "5002")
    assert [line for line in rewritten(text).splitlines() if line.startswith("m=text")] == [
        "m=text 0 RTP/AVP 0",
        "m=text 5000 RTP/AVP 98 100",
        "m=text 0 RTP/AVP 0",
    ]


@pytest.mark.feature("real-time text")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RTP/AVP", "RTP/SAVP"),  # no keys
        ("RTP/AVP", "RTP/AVPF"),  # not as the audio
        ("T140/1000", "T140/8000"),
        ("100 98", "100"),
        ("192.0.2.11", "pbx.example.org"),
        ("98 T140", "97 T140"),
        ("100 98", "0 8"),
    ],
)
def test_text_that_cannot_be_used_is_closed_and_the_audio_stays(old: str, new: str) -> None:
    lines = rewritten(PLAIN + TEXT.replace(old, new)).splitlines()
    assert next(line for line in lines if line.startswith("m=text")).startswith("m=text 0 ")
    assert "m=audio 40000 RTP/AVP 9 8 0 101" in lines


@pytest.mark.feature("real-time text")
def test_text_is_no_less_secret_than_the_audio() -> None:
    key = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{'A' * 40}\n"
    secret = PLAIN.replace("RTP/AVP", "RTP/SAVP") + key
    assert text_lines(secret + TEXT)[0] == "m=text 0 RTP/AVP 0"
    assert text_lines(secret + TEXT.replace("RTP/AVP", "RTP/SAVP") + key)[0] == "m=text 5000 RTP/SAVP 98 100"
    # A key may be offered without the profile, too.
    assert text_lines(PLAIN + key + TEXT)[0] == "m=text 0 RTP/AVP 0"
    assert text_lines(PLAIN + key + TEXT + key)[0] == "m=text 5000 RTP/AVP 98 100"


@pytest.mark.feature("real-time text")
def test_text_alone_is_no_call() -> None:
    assert fault_of(PLAIN.replace("m=audio 40000", "m=audio 0") + TEXT) is Fault.NO_AUDIO


@pytest.mark.feature("real-time text")
@pytest.mark.parametrize("list_of", ["98", "98/98/98/98/98/98", "98/99", "0/0", "100/100"])
def test_redundancy_of_text_that_is_not_known_costs_the_redundancy_alone(list_of: str) -> None:
    assert text_lines(PLAIN + TEXT.replace("98/98/98", list_of))[0] == "m=text 5000 RTP/AVP 98"


def test_parameters_of_opus_are_bounded() -> None:
    text = PLAIN.replace("9 8 0 101", "96").replace("101 telephone-event/8000", "96 opus/48000/2")
    for given_value, kept in {
        "maxplaybackrate=12345;USEINBANDFEC = 1": "useinbandfec=1",
        "maxaveragebitrate=6000;maxplaybackrate=8000;useinbandfec=0": (
            "maxaveragebitrate=6000;maxplaybackrate=8000;useinbandfec=0"
        ),
        "maxaveragebitrate=5999;useinbandfec=2": "",
        "stereo=1;sprop-stereo=1;usedtx=1": "",
        "maxaveragebitrate=999999999;cbr=1;cbr=0": "cbr=1",
        "x" * 3000: "",
        ";;;=;==": "",
    }.items():
        lines = stream_lines(text.replace("fmtp:101 0-16", f"fmtp:96 {given_value}"))
        assert [line for line in lines if "fmtp" in line] == ([f"a=fmtp:96 {kept}"] if kept else [])


@pytest.mark.parametrize("profile", ["RTP/SAVPX", "udp", "TCP/TLS/RTP/SAVP", "RTP/AVP/X"])
def test_a_profile_that_is_not_known_cannot_be_used(profile: str) -> None:
    assert fault_of(PLAIN.replace("RTP/AVP", profile)) is Fault.PROFILE
    assert fault_of(PLAIN.replace("40000", "40000/2")) is Fault.PROFILE


def test_a_key_that_cannot_be_used_is_left_out(subtests: pytest.Subtests) -> None:
    for crypto in (
        f"0 AES_CM_128_HMAC_SHA1_80 inline:{KEY_30}",
        f"01x AES_CM_128_HMAC_SHA1_80 inline:{KEY_30}",
        f"100 AES_CM_128_HMAC_SHA1_80 inline:{KEY_30}",
        f"1 F8_128_HMAC_SHA1_80 inline:{KEY_30}",
        f"1 AES_256_CM_HMAC_SHA1_80 inline:{KEY_30}",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 39,
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 41,
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 1000,
        f"1 AES_CM_128_HMAC_SHA1_80 uri:{KEY_30}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY_30}|2^31|1:4",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY_30};inline:{KEY_30}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY_30} UNENCRYPTED_SRTP",
        "1 AES_CM_128_HMAC_SHA1_80",
        "1",
        "",
    ):
        with subtests.test(crypto=crypto):
            assert "crypto" not in rewritten(with_line(f"a=crypto:{crypto}"))
            assert fault_of(with_line(f"a=crypto:{crypto}").replace("RTP/AVP", "RTP/SAVP")) is Fault.KEYS


def test_keys_of_every_suite_stay_eight_of_them_with_tags_of_their_own() -> None:
    for suite, size in {"AES_CM_128_HMAC_SHA1_32": 30, "AES_256_CM_HMAC_SHA1_80": 46, "AEAD_AES_256_GCM": 44}.items():
        line = f"a=crypto:1 {suite} inline:{base64.b64encode(bytes(size)).decode()}"
        assert f"\n{line}\n" in rewritten(with_line(f"{line}|2^48 WSH=60"))
        assert f"\n{line}\n" in rewritten(with_line(line.rstrip("=")))
    many = [f"a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{KEY_30}" for tag in (1, *range(1, 99))]
    kept = [line for line in stream_lines(with_line("\n".join(many))) if "crypto" in line]
    assert len(set(kept)) == len(kept) == 8


def test_dtls_is_for_addresses_that_are_near() -> None:
    far = descriptions.FIREFOX.replace("c=IN IP4 192.0.2.51", "c=IN IP4 203.0.113.51")
    assert fault_of(far) is Fault.DTLS
    assert parse_description(written(descriptions.FIREFOX), is_near, is_offer=True).stream.is_dtls  # type: ignore[union-attr]
    assert "a=rtcp:" not in rewritten(
        descriptions.FIREFOX.replace("60243 IN IP4 192.0.2.51", "60243 IN IP4 203.0.113.1")
    )


@pytest.mark.parametrize(
    ("line", "other"),
    [
        (f"a=fingerprint:{FINGERPRINT}", ""),
        (f"a=fingerprint:{FINGERPRINT}", f"a=fingerprint:md5 {FINGERPRINT[8:55]}"),
        (f"a=fingerprint:{FINGERPRINT}", f"a=fingerprint:{FINGERPRINT}:4A"),
        (f"a=fingerprint:{FINGERPRINT}", f"a=fingerprint:{FINGERPRINT[:-3]}"),
        ("a=setup:actpass", ""),
        ("a=setup:actpass", "a=setup:holdconn"),
    ],
)
def test_dtls_needs_a_fingerprint_and_a_role(line: str, other: str) -> None:
    assert fault_of(descriptions.FIREFOX.replace(f"{line}\n", f"{other}\n" if other else "")) is Fault.DTLS


def test_the_better_of_two_fingerprints_stays() -> None:
    both = f"a=fingerprint:SHA-1 {FINGERPRINT[8:67]}\na=fingerprint:{FINGERPRINT.lower()}"
    lines = stream_lines(descriptions.FIREFOX.replace(f"a=fingerprint:{FINGERPRINT}", both))
    assert [line for line in lines if "fingerprint" in line] == [f"a=fingerprint:{FINGERPRINT}"]


@pytest.mark.parametrize(("said", "stays"), [("new", True), ("existing", True), ("newer", False), ("", False)])
def test_what_dtls_says_of_its_connection_stays(said: str, *, stays: bool) -> None:
    lines = stream_lines(descriptions.FIREFOX.replace("a=setup:actpass", f"a=setup:actpass\na=connection:{said}"))
    assert (f"a=connection:{said}" in lines) is stays


def test_a_fingerprint_without_dtls_is_left_out() -> None:
    assert "fingerprint" not in rewritten(with_line(f"a=fingerprint:{FINGERPRINT}\na=setup:actpass"))


def ice(ufrag: str = "abcd", password: str = PASSWORD, candidate: str = "1 1 UDP 1 192.0.2.1 4000 typ host") -> str:
    return rewritten(with_line(f"a=ice-ufrag:{ufrag}\na=ice-pwd:{password}\na=candidate:{candidate}"))


@pytest.mark.parametrize(
    ("ufrag", "password"),
    [("abc", PASSWORD), ("a" * 257, PASSWORD), ("ab:cd", PASSWORD), ("abcd", "a" * 21), ("abcd", "a" * 257), ("", "")],
)
def test_ice_without_names_in_their_bounds_is_left_out(ufrag: str, password: str) -> None:
    assert not re.search("ice|candidate", ice(ufrag, password))
    assert "a=ice-ufrag:" + "a" * 256 in ice("a" * 256, "b" * 256)


def test_a_candidate_that_cannot_be_used_is_left_out(subtests: pytest.Subtests) -> None:
    for candidate in (
        "1 1 UDP 1 name.local 4000 typ host",
        "1 1 UDP 1 " + "1" * 254 + " 4000 typ host",
        "1 1 TCP 1 192.0.2.1 4000 typ host tcptype active",
        "1 3 UDP 1 192.0.2.1 4000 typ host",
        "1 257 UDP 1 192.0.2.1 4000 typ host",
        "1 1 UDP 4294967296 192.0.2.1 4000 typ host",
        "1 1 UDP 1 192.0.2.1 0 typ host",
        "1 1 UDP 1 192.0.2.1 70000 typ host",
        "1 1 UDP 1 192.0.2.1 4000 typ unknown",
        "1 1 UDP 1 192.0.2.1 4000 type host",
        "1 1 UDP 1 0.0.0.0 4000 typ host",
        "1 1 UDP 1 239.1.1.1 4000 typ host",
        "1 1 UDP 1 fe80::1%eth0 4000 typ host",
        "a" * 33 + " 1 UDP 1 192.0.2.1 4000 typ host",
        "1 1 UDP 1 192.0.2.1 4000 typ",
        "",
    ):
        with subtests.test(candidate=candidate):
            assert "candidate" in ice()
            assert "ice-ufrag" in ice(candidate=candidate)
            assert "candidate" not in ice(candidate=candidate)


def test_sixteen_candidates_stay() -> None:
    many = "\n".join(f"a=candidate:1 1 UDP {number} 192.0.2.1 4000 typ host" for number in range(1, 100))
    text = with_line(f"a=ice-ufrag:abcd\na=ice-pwd:{PASSWORD}\na=ice-mismatch\n{many}")
    assert rewritten(text).count("candidate") == 16
    assert "\na=ice-mismatch\n" in rewritten(text)
    assert "\na=ice-lite\nm=" in rewritten(text.replace("t=0", "a=ice-lite\nt=0"))


@pytest.mark.parametrize("value", ["0", "65536", "x", "4001 IN IP4 pbx.example.org", "4001 IN IP6 ::1", "4001 IN", ""])
def test_an_address_for_rtcp_that_cannot_be_used_is_left_out(value: str) -> None:
    assert "rtcp" not in rewritten(with_line(f"a=rtcp:{value}"))


def test_what_is_said_of_recording_stays() -> None:
    text = rewritten(with_line("a=record:paused\na=recordpref:NoPreference").replace("t=0", "a=record:on\nt=0"))
    assert "\na=record:paused\na=recordpref:nopreference\n" in text
    assert "record" not in rewritten(with_line("a=record:maybe\na=recordpref:"))


def test_what_is_no_description_is_refused(subtests: pytest.Subtests) -> None:
    for body, fault in (
        (b"", Fault.SYNTAX),
        (b"v=1\r\n", Fault.SYNTAX),
        (b"v=0\r\n", Fault.NO_AUDIO),
        (b"hello", Fault.SYNTAX),
        (written(PLAIN.replace("o=-", "o=")), Fault.SYNTAX),
        (written(PLAIN.replace("o=", "b=")), Fault.SYNTAX),
        (written(PLAIN.replace("o=- 3904567890", "o=- -1")), Fault.SYNTAX),
        (written(PLAIN.replace("t=0 0\n", "t=0 0\n\n")), Fault.SYNTAX),
        (written(PLAIN.replace("t=", "t =")), Fault.SYNTAX),
        (written(PLAIN.replace("t=", "x=")), Fault.SYNTAX),
        (written(PLAIN.replace("m=audio 40000", "m=audio 65536")), Fault.SYNTAX),
        (written(PLAIN.replace("m=audio 40000", "m=audio -1")), Fault.SYNTAX),
        (written(PLAIN.replace("m=audio 40000 ", "m=audio ")), Fault.SYNTAX),
        (written(PLAIN.replace(" RTP/AVP 9 8 0 101", "")), Fault.SYNTAX),
        (written(PLAIN.replace("9 8 0 101", "")), Fault.SYNTAX),
        (written(PLAIN + f"m={'x' * 17} 9 RTP/AVP 0\n"), Fault.SYNTAX),
        (written(PLAIN + "m=\n"), Fault.SYNTAX),
        (written(PLAIN + "m=video 9 RTP/AVP 0\n" * 8), Fault.SIZE),
        (written(PLAIN + "a=x\n" * 512), Fault.SIZE),
        (written(PLAIN).replace(b"ptime:20", b"ptime:2\x000"), Fault.CHARACTERS),
        (written(PLAIN).replace(b"ptime:20", b"ptime:20\x85"), Fault.CHARACTERS),
        (written(PLAIN).replace(b"a=ptime", b"\ra=ptime"), Fault.CHARACTERS),
        (written(PLAIN).replace(b"\r\n", b"\r"), Fault.CHARACTERS),
        (written(PLAIN).replace(b"40000", "\uff140000".encode()), Fault.CHARACTERS),
    ):
        with subtests.test(body=body, fault=fault):
            assert fault_of(body) is fault


def test_how_a_line_ends_and_what_the_session_is_called_does_not_matter() -> None:
    for body in (
        PLAIN.encode(),
        written(PLAIN)[:-2],
        written(PLAIN) + b"\r\n",
        written(PLAIN.replace("s=-", "s=Привет")),
    ):
        assert rewritten(body) == rewritten(PLAIN)


# A closed list, written apart from the product's.
ALLOWED = re.compile(
    r"v=0|o=- [0-9]{1,10} [0-9]{1,10} IN IP4 0\.0\.0\.0|s=-|t=0 0|c=IN (IP4 [0-9.]{7,15}|IP6 [0-9a-f:.]{2,45})"
    r"|m=[A-Za-z][A-Za-z0-9-]{0,15} 0 [A-Za-z][A-Za-z0-9/.-]{0,31} (0|[A-Za-z][A-Za-z0-9._-]{0,31})"
    r"|m=audio [1-9][0-9]{0,4} ((RTP|UDP/TLS/RTP)/S?AVPF?)( [0-9]{1,3}){1,12}"
    r"|a=(ice-lite|ice-mismatch|rtcp-mux|sendrecv|sendonly|recvonly|inactive|record:(on|off|paused)"
    r"|recordpref:(on|off|pause|nopreference)|setup:(active|passive|actpass)|ptime:[1-6]0|maxptime:[1-6][0-9]"
    r"|rtpmap:[0-9]{1,3} (PCM[AU]/8000|G722/8000|opus/48000/2|telephone-event/(8|16|48)000|red/(8000|48000/2))"
    r"|fmtp:[0-9]{1,3} (0-15|[0-9]{1,3}(/[0-9]{1,3}){1,3}|[a-z-]{3,20}=[0-9]{1,6}(;[a-z-]{3,20}=[0-9]{1,6}){0,7})"
    r"|rtcp:[0-9]{1,5}( IN (IP4 [0-9.]{7,15}|IP6 [0-9a-f:.]{2,45}))?|ice-ufrag:[A-Za-z0-9+/]{4,256}"
    r"|ice-pwd:[A-Za-z0-9+/]{22,256}|fingerprint:sha-(1 [0-9A-F]{2}(:[0-9A-F]{2}){19}"
    r"|256 [0-9A-F]{2}(:[0-9A-F]{2}){31})"
    r"|crypto:[0-9]{1,2} A[A-Z0-9_]{10,30} inline:[A-Za-z0-9+/]{38,64}={0,2}"
    r"|candidate:[A-Za-z0-9+/]{1,32} [12] UDP [0-9]{1,10} ([0-9.]{7,15}|[0-9a-f:.]{2,45}) [0-9]{1,5}"
    r" typ (host|srflx|prflx|relay))"
)


def check(body: bytes) -> None:
    """Nothing but a BodyError comes out, or a description in its normal form."""
    for is_offer in (True, False):
        try:
            description = parse_description(body, is_near, is_offer=is_offer)
        except BodyError:
            continue
        text = description.text()
        assert parse_description(text, is_near, is_offer=is_offer) == description
        lines = text.decode("ascii").removesuffix("\r\n").split("\r\n")
        assert [line for line in lines if not ALLOWED.fullmatch(line)] == []
        assert sum(line.startswith("m=") and " 0 " not in line[:20] for line in lines) <= 1
        assert sum(line.startswith("a=") for line in lines) <= 68
        for address in re.findall(r"IN IP[46] (\S+)", text.decode()):
            assert not ip_address(address).is_multicast
        if description.stream and description.stream.is_dtls:
            assert is_near(description.stream.address)


@pytest.mark.parametrize("name", descriptions.ALL)
def test_what_comes_out_is_in_its_normal_form(name: str) -> None:
    check(written(descriptions.ALL[name]))


@given(st.binary(max_size=2000))
@example(b"v=0\r\no=- 1 1 a b c\r\nm=audio  9\r\n")
@example(b"\n")
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    check(body)
    check(b"v=0\r\no=- 1 1 IN IP4 0\r\n" + body)


SNIPPETS = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [b"\0", b"\r\n", b"=", b" ", b"/", b":", b"9" * 30, b"A" * 300, b"m=audio 9 RTP/AVP 0\r\n", b"\xff"]
    ),
    st.sampled_from([line.encode() + b"\r\n" for text in descriptions.ALL.values() for line in text.splitlines()]),
)


@given(
    st.sampled_from([written(text) for text in descriptions.ALL.values()]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), SNIPPETS), min_size=1, max_size=6),
)
def test_good_descriptions_that_were_changed_are_parsed_or_refused(
    body: bytes, changes: list[tuple[float, int, bytes]]
) -> None:
    for place, removed, inserted in changes:
        start = int(place * len(body))
        body = body[:start] + inserted + body[start + removed :]
    check(body)


ATTRIBUTES = st.sampled_from(["crypto", "candidate", "fmtp", "rtpmap", "rtcp", "fingerprint", "ice-ufrag", "ptime"])
VALUES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "1",
                "96",
                "UDP",
                "typ",
                "host",
                "192.0.2.1",
                "::1",
                "IN",
                "IP4",
                "4000",
                "opus/48000/2",
                "sha-256",
                "|1:4",
            ]
        ),
        st.sampled_from(["AES_CM_128_HMAC_SHA1_80", f"inline:{KEY_30}", FINGERPRINT]),
        st.integers(-(2**70), 2**70).map(str),
        st.text(max_size=8),
    ),
    max_size=9,
).map(" ".join)


@given(st.lists(st.tuples(ATTRIBUTES, VALUES), max_size=8))
def test_any_attributes_are_kept_in_bounds_or_left_out(attributes: list[tuple[str, str]]) -> None:
    lines = "".join(f"a={name}:{value}\n" for name, value in attributes)
    check(written(PLAIN + f"a=ice-ufrag:abcd\na=ice-pwd:{PASSWORD}\n" + lines))


@pytest.mark.parametrize(
    "body",
    [
        b"v=0\n" + b"a=fmtp:96 " + b"stereo=1;" * 1700,
        b"v=0\n" + b"a=candidate:" + b"1 " * 8000,
        b"v=0\n" + b"m=audio 9 RTP/AVP " + b"9 " * 8000,
        b"v=0\n" + b" " * 16000,
        b"v=0\no=" + b"1 " * 8000,
        b"v=0\nc=IN" + b" " * 16000 + b"IP4\nm=audio 9 RTP/AVP 0",
        b"v=0\na=fingerprint:sha-1" + b" " * 16000 + b"\nm=audio 9 UDP/TLS/RTP/SAVP 0",
    ],
)
def test_the_longest_bodies_take_no_longer_than_their_length(body: bytes) -> None:
    started = thread_time()
    check(body)
    assert thread_time() - started < 0.5
