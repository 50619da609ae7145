import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.voice.sip.bodies import Verdict, inspect_body
from firmware.voice.sip.sdp import Fault
from tests.unit.voice.sip import descriptions
from tests.unit.voice.sip.descriptions import PLAIN, written

SDP = "application/sdp"
RELAY = "application/dtmf-relay"
SUMMARY = "application/simple-message-summary"


def inspect(content_type: str, body: bytes | str, method: str = "INVITE", status: int = 0) -> Verdict:
    raw = written(body) if isinstance(body, str) else body
    return inspect_body(
        content_type, raw, method=method, status=status, allow_dtls=lambda address: str(address).startswith("192.0.2.")
    )


def answer(content_type: str, body: bytes | str, method: str = "INVITE", status: int = 0) -> tuple[int, Fault | None]:
    verdict = inspect(content_type, body, method, status)
    assert not verdict.status or verdict.body == b""
    return verdict.status, verdict.fault


def test_a_message_without_a_body_goes_on(subtests: pytest.Subtests) -> None:
    for method in ("INVITE", "ACK", "BYE", "INFO", "MESSAGE", "OPTIONS", "FOO"):
        for status in (0, 180, 200, 486):
            with subtests.test(method=method, status=status):
                assert inspect("", b"", method, status) == Verdict()


@pytest.mark.parametrize("method", ["INVITE", "INFO", "OPTIONS"])
def test_a_body_of_blanks_is_none(method: str) -> None:
    assert inspect("", b" \r\n", method) == Verdict(body=b"")


@pytest.mark.parametrize(
    ("method", "status"), [("INVITE", 0), ("UPDATE", 0), ("PRACK", 0), ("ACK", 0), ("INVITE", 183), ("UPDATE", 200)]
)
def test_a_description_is_written_anew(method: str, status: int) -> None:
    for content_type in (SDP, "Application/SDP ; charset=utf-8"):
        verdict = inspect(content_type, PLAIN, method, status)
        assert (verdict.status, verdict.fault, verdict.content_type) == (0, None, SDP)
        assert verdict.body
        assert verdict.body.startswith(b"v=0\r\no=- 1757084242 1 IN IP4 0.0.0.0\r\n")


def test_a_description_that_cannot_be_used_gets_the_right_answer() -> None:
    assert answer(SDP, b"hello") == (400, Fault.SYNTAX)
    assert answer(SDP, PLAIN.replace("9 8 0", "18")) == (488, Fault.CODECS)
    assert answer("application/x-private", PLAIN) == (415, Fault.CONTENT_TYPE)
    assert answer("", PLAIN) == (415, Fault.CONTENT_TYPE)


def test_an_answer_that_cannot_be_used_says_so_and_loses_its_body() -> None:
    wrong = PLAIN.replace("9 8 0", "18")
    assert answer(SDP, wrong, "INVITE", 200) == (488, Fault.CODECS)
    assert answer(SDP, wrong, "INVITE", 183) == (488, Fault.CODECS)
    assert answer(SDP, b"\0", "ACK") == (400, Fault.CHARACTERS)


def test_an_answer_may_refuse_every_stream() -> None:
    closed = PLAIN.replace("m=audio 40000", "m=audio 0")
    assert inspect(SDP, closed, "INVITE", 200).status == 0
    assert inspect(SDP, closed, "ACK").status == 0
    assert answer(SDP, closed) == (488, Fault.NO_AUDIO)


@pytest.mark.parametrize(
    ("content_type", "method", "status"),
    [
        (SDP, "INVITE", 488),
        (SDP, "OPTIONS", 200),
        ("message/sipfrag", "REFER", 202),
        ("application/isup", "INVITE", 180),
        ("application/isup", "ACK", 0),
        ("application/rtcp-xr", "BYE", 0),
        ("text/plain", "CANCEL", 0),
    ],
)
def test_what_cannot_be_refused_loses_its_body(content_type: str, method: str, status: int) -> None:
    verdict = inspect(content_type, PLAIN, method, status)
    assert (verdict.status, verdict.body) == (0, b"")


def test_dtls_is_told() -> None:
    assert inspect(SDP, descriptions.CHROME).is_dtls
    assert not inspect(SDP, descriptions.BARESIP).is_dtls
    assert answer(SDP, descriptions.CHROME.replace("c=IN IP4 192.0.2.50", "c=IN IP4 203.0.113.1")) == (488, Fault.DTLS)


# What ended the phone, as far as it stands in a body.


@pytest.mark.parametrize("profile", ["UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"])
@pytest.mark.parametrize("status", [0, 200])
def test_dtls_without_what_it_needs_does_not_reach_the_library(profile: str, status: int) -> None:
    assert answer(SDP, PLAIN.replace("RTP/AVP", profile), "INVITE", status) == (488, Fault.DTLS)


@pytest.mark.parametrize("status", [0, 183, 200])
def test_an_address_of_another_family_does_not_reach_the_library(status: int) -> None:
    wrong = PLAIN.replace("c=IN IP4 192.0.2.10", "c=IN IP4 2001:db8::1")
    assert answer(SDP, wrong, "INVITE", status) == (488, Fault.ADDRESS)


def test_a_long_packet_time_does_not_reach_the_library() -> None:
    body = inspect(SDP, PLAIN.replace("ptime:20", "ptime:200")).body
    assert body
    assert b"ptime" not in body


@pytest.mark.parametrize(
    "body", [b"Signal=\0\r\n", b"Signal=\x005\r\n", b"\0Signal=5\r\n", b"Signal=5\0\r\nDuration=160\r\n"]
)
def test_a_nul_before_or_after_a_digit_does_not_reach_the_library(body: bytes) -> None:
    assert answer(RELAY, body, "INFO") == (400, Fault.SYNTAX)


def test_a_long_name_for_ice_does_not_reach_the_library() -> None:
    for length in (257, 3000):
        lines = f"a=ice-ufrag:{'a' * length}\na=ice-pwd:{'b' * 24}\n"
        body = inspect(SDP, PLAIN + lines + "a=candidate:1 1 UDP 1 192.0.2.1 4000 typ host\n").body
        assert body
        assert b"ice" not in body
        assert b"candidate" not in body


@pytest.mark.parametrize("line", ["c=IN IP4 pbx.example.org", "a=rtcp:4001 IN IP4 pbx.example.org"])
def test_a_host_name_does_not_reach_the_library(line: str) -> None:
    body = inspect(SDP, PLAIN + line + "\n").body or b""
    assert b"example.org" not in body


@pytest.mark.parametrize(
    "line",
    ["c=IN IP4 %s", "a=rtcp:4001 IN IP4 %s", "a=candidate:1 1 UDP 1 %s 4000 typ host", "a=remote-candidates:1 %s 4000"],
)
def test_an_address_longer_than_any_host_does_not_reach_the_library(line: str) -> None:
    body = inspect(SDP, PLAIN + line % ("1" * 254) + "\n").body or b""
    assert b"1" * 254 not in body


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
def test_a_digit_without_the_end_of_a_line_is_written_with_one(end: bytes) -> None:
    assert inspect(RELAY, b"Signal=5" + end, "INFO").body == b"Signal=5\r\nDuration=160\r\n"


# Digits


@pytest.mark.parametrize(
    ("body", "written_anew"),
    [
        (b"Signal=5\r\nDuration=160\r\n", b"Signal=5\r\nDuration=160\r\n"),
        (b"Signal= *\r\nDuration= 250\r\n", b"Signal=*\r\nDuration=250\r\n"),
        (b"signal = d\nduration=1", b"Signal=D\r\nDuration=40\r\n"),
        (b"Duration=99999\r\nSignal=#", b"Signal=#\r\nDuration=5000\r\n"),
    ],
)
def test_a_digit_is_written_anew(body: bytes, written_anew: bytes) -> None:
    assert inspect(RELAY, body, "INFO") == Verdict(body=written_anew, content_type=RELAY)


@pytest.mark.parametrize("body", [b"Signal=\r\n5", b"Signal=12\r\n", b"Signal==5", b"Signal=E", b"xSignal=5", b"="])
def test_what_is_no_digit_is_refused(body: bytes) -> None:
    assert answer(RELAY, body, "INFO") == (400, Fault.SYNTAX)


def test_a_bare_digit_becomes_what_the_library_reads() -> None:
    verdict = Verdict(body=b"Signal=7\r\nDuration=160\r\n", content_type=RELAY)
    assert inspect("application/dtmf", b"7\r\n", "INFO") == verdict
    assert answer("application/dtmf", b"77", "INFO") == (400, Fault.SYNTAX)


@pytest.mark.parametrize(
    "content_type", ["application/media_control+xml", "application/trickle-ice-sdpfrag", "text/plain", SDP]
)
def test_another_command_is_refused(content_type: str) -> None:
    assert answer(content_type, b"<media_control/>", "INFO") == (415, Fault.CONTENT_TYPE)
    assert answer(RELAY, b"Signal=5", "MESSAGE") == (415, Fault.CONTENT_TYPE)


def test_a_command_that_is_too_long_is_refused() -> None:
    assert answer(RELAY, b"Signal=5\r\n" + b" " * 16384, "INFO") == (400, Fault.SIZE)
    assert answer("text/plain", b"a" * 16385, "MESSAGE") == (400, Fault.SIZE)
    assert answer(SDP, PLAIN + "a=" + "x" * 16384) == (400, Fault.SIZE)


# News


@pytest.mark.parametrize(
    ("body", "written_anew"),
    [
        (
            b"Messages-Waiting: yes\r\nMessage-Account: sip:bob@example.org\r\nVoice-Message: 2/08 (0/2)\r\n",
            b"Messages-Waiting: yes\r\nMessage-Account: sip:bob@example.org\r\nVoice-Message: 2/8\r\n",
        ),
        (
            b"Messages-Waiting: yes\r\nMessage-Account: <SIP:*97@Pbx.example;x=y>\r\n",
            b"Messages-Waiting: yes\r\nMessage-Account: sip:*97@pbx.example\r\n",
        ),
        (b"Messages-Waiting: yes\r\nMessage-Account: sip:a b@c\r\n", b"Messages-Waiting: yes\r\n"),
        (b"messages-waiting:NO", b"Messages-Waiting: no\r\n"),
        (b"\r\nVoice-Message : 1 / 0\n", b"Voice-Message: 1/0\r\n"),
    ],
)
def test_a_count_of_voice_messages_is_written_anew(body: bytes, written_anew: bytes) -> None:
    assert inspect(SUMMARY, body, "NOTIFY") == Verdict(body=written_anew, content_type=SUMMARY)


@pytest.mark.parametrize(
    "body",
    [b"Messages-Waiting: maybe", b"Voice-Message: 123456/0", b"Voice-Message: 0/123456", b"Fax-Message: 1/0", b"\xff"],
)
def test_what_is_no_count_is_refused(body: bytes) -> None:
    assert answer(SUMMARY, body, "NOTIFY") == (400, Fault.SYNTAX)


def test_how_a_transfer_fares_is_written_anew() -> None:
    for body, line in {
        b"SIP/2.0 200 OK\r\nTo: x\r\n": b"SIP/2.0 200 OK\r\n",
        b"SIP/2.0 603": b"SIP/2.0 603 \r\n",
        b"SIP/2.0 486 Bes\xe9tzt": b"SIP/2.0 486 Bes\r\n",
        b"SIP/2.0 180 " + b"x" * 900: b"SIP/2.0 180 " + b"x" * 64 + b"\r\n",
    }.items():
        verdict = inspect("message/sipfrag;version=2.0", body, "NOTIFY")
        assert verdict == Verdict(body=line, content_type="message/sipfrag")
        assert inspect("message/sipfrag", line, "NOTIFY") == verdict


@pytest.mark.parametrize("body", [b"SIP/2.0 700 x", b"SIP/2.0 20 x", b"INVITE sip:a SIP/2.0", b"\r\nSIP/2.0 200 OK"])
def test_what_is_no_status_is_refused(body: bytes) -> None:
    assert answer("message/sipfrag", body, "NOTIFY") == (400, Fault.SYNTAX)


@pytest.mark.parametrize("content_type", ["application/xpidf+xml", "text/plain"])
def test_other_news_are_refused(content_type: str) -> None:
    assert answer(content_type, b"<x/>", "NOTIFY") == (415, Fault.CONTENT_TYPE)


def test_how_another_phone_stands_is_read_here_and_the_library_reads_none_of_it() -> None:
    told = '<dialog-info state="full"><dialog id="1"><state>early</state></dialog></dialog-info>'
    assert inspect("application/dialog-info+xml", told.encode(), "NOTIFY") == Verdict(body=b"")
    assert answer("application/dialog-info+xml", b"<x/>", "NOTIFY") == (400, Fault.SYNTAX)
    assert answer("application/dialog-info+xml", told.encode(), "MESSAGE") == (415, Fault.CONTENT_TYPE)
    assert inspect("application/pidf+xml", b"<presence/>", "NOTIFY") == Verdict(body=b"")
    assert answer("application/pidf+xml", told.encode(), "NOTIFY") == (400, Fault.SYNTAX)


# Texts


@pytest.mark.parametrize("content_type", ["text/plain", "Text/Plain; charset=UTF-8", 'text/plain;charset="us-ascii"'])
def test_a_text_stays_as_it_is(content_type: str) -> None:
    assert inspect(content_type, "Привет".encode(), "MESSAGE") == Verdict()


@pytest.mark.parametrize(
    "content_type", ["text/plain; charset=gb2312", "text/plainer", "text/html", "application/im-iscomposing+xml", ""]
)
def test_a_text_that_cannot_be_shown_is_refused(content_type: str) -> None:
    assert answer(content_type, b"x", "MESSAGE") == (415, Fault.CONTENT_TYPE)


# Several parts

MULTIPART = 'multipart/mixed; boundary="unique-1"'


def parts(*bodies: tuple[str, str], end: str = "\n--unique-1--\n") -> str:
    return "preamble" + "".join(f"\n--unique-1\n{headers}\n\n{body}" for headers, body in bodies) + end


def test_a_description_is_taken_out_of_its_parts() -> None:
    other = ("Content-Type: application/isup;version=nxv3\nContent-Disposition: signal;handling=optional", "\x01\x02")
    for several in (
        parts(("Content-Type: application/sdp", PLAIN), other),
        parts(other, ("c:Application/SDP", PLAIN), ("", "nothing")),
    ):
        for content_type in (MULTIPART, "Multipart/Alternative;x=y;Boundary=unique-1;z=1"):
            assert inspect(content_type, several) == inspect(SDP, PLAIN)
            assert inspect(content_type, several.encode()) == inspect(SDP, PLAIN)


def test_a_part_that_has_to_be_understood_is_refused() -> None:
    several = parts(
        ("Content-Type: application/sdp", PLAIN),
        ("Content-Type: application/isup\nContent-Disposition: signal; handling=Required", "x"),
    )
    assert answer(MULTIPART, several) == (415, Fault.PARTS)
    assert answer(MULTIPART, several, "INVITE", 200) == (0, Fault.PARTS)


@pytest.mark.parametrize("count", [0, 2])
def test_there_is_one_description(count: int) -> None:
    several = parts(("Content-Type: text/plain", "x"), *[("Content-Type: application/sdp", PLAIN)] * count)
    assert answer(MULTIPART, several) == (415, Fault.PARTS)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/mixed", parts(("Content-Type: application/sdp", PLAIN))),
        ("multipart/mixed;boundary=", parts(("Content-Type: application/sdp", PLAIN))),
        ("multipart/mixed;boundary=\udce9", parts(("Content-Type: application/sdp", PLAIN))),
        ("multipart/mixed;boundary=" + "x" * 71, parts(("Content-Type: application/sdp", PLAIN))),
        (MULTIPART, parts(("Content-Type: application/sdp", PLAIN), end="")),
        (MULTIPART, parts(*[("Content-Type: text/plain", "x")] * 9)),
        (MULTIPART, "--unique-1 and more\nContent-Type: application/sdp\n\nv=0\n--unique-1--\n"),
        (MULTIPART, "--unique-1\nContent-Type: application/sdp\n--unique-1--\n"),
        (MULTIPART, "unique-1"),
    ],
)
def test_parts_that_are_not_well_formed_are_refused(content_type: str, body: str) -> None:
    assert answer(content_type, body) == (400, Fault.SYNTAX)


def test_parts_within_parts_are_not_looked_into() -> None:
    inner = parts(("Content-Type: application/sdp", PLAIN)).replace("unique-1", "unique-2")
    nested = parts(("Content-Type: multipart/mixed;boundary=unique-2", inner))
    assert answer(MULTIPART, nested) == (415, Fault.PARTS)


# The torture tests of RFC 4475, as far as they are about bodies

TORTURE = """v=0
o=mhandley 29739 7272939 IN IP4 192.0.2.3
s=-
c=IN IP4 192.0.2.4
t=0 0
m=audio 49217 RTP/AVP 0 12
m=video 3227 RTP/AVP 31
a=rtpmap:31 LPC
"""


def test_the_description_of_a_short_tortuous_invite_is_understood() -> None:
    body = inspect(SDP, TORTURE).body or b""
    assert body.decode().splitlines()[3:] == [
        "c=IN IP4 192.0.2.4",
        "t=0 0",
        "m=audio 49217 RTP/AVP 0",
        "a=rtpmap:0 PCMU/8000",
        "a=sendrecv",
        "m=video 0 RTP/AVP 0",
    ]


def test_another_request_behind_a_description_is_none_of_it() -> None:
    assert answer(SDP, TORTURE + "INVITE sip:joe@example.com SIP/2.0\n") == (400, Fault.SYNTAX)
    assert answer(SDP, TORTURE + "\nt=0 0\n") == (400, Fault.SYNTAX)


def test_a_description_that_was_cut_off_is_understood_as_far_as_it_goes_or_refused() -> None:
    whole = written(TORTURE)
    for length in range(1, len(whole)):
        assert answer(SDP, whole[:length])[0] in {0, 400, 488}


def test_an_unknown_type_and_a_signed_text_are_refused() -> None:
    assert answer("application/unknownformat", b"<audio><pcmu port='443'/></audio>") == (415, Fault.CONTENT_TYPE)
    signed = parts(("Content-Type: text/plain", "Hello"), ("Content-Type: application/octet-stream", "\0\1\2"))
    assert answer(MULTIPART, signed, "MESSAGE") == (415, Fault.CONTENT_TYPE)


TYPES = st.one_of(
    st.sampled_from([SDP, MULTIPART, RELAY, SUMMARY, "application/dtmf", "message/sipfrag", "text/plain", ""]),
    st.text(max_size=40),
)
PIECES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"\r\n", b"\n\n", b"--unique-1", b"\n--unique-1\r\n", b"--", b"Content-Type: application/sdp\n\n"]
    ),
    st.sampled_from([b"Signal=5", b"Duration=1", b"Voice-Message: 1/1", b"SIP/2.0 200 OK", b"\0", PLAIN.encode()]),
)


@given(
    TYPES,
    st.lists(PIECES, max_size=8).map(b"".join),
    st.sampled_from(["INVITE", "ACK", "BYE", "INFO", "NOTIFY", "MESSAGE", "OPTIONS", "PRACK"]),
    st.sampled_from([0, 100, 183, 200, 302, 488, 699]),
)
def test_any_body_gets_a_verdict(content_type: str, body: bytes, method: str, status: int) -> None:
    verdict = inspect(content_type, body, method, status)
    assert verdict.status in {0, 400, 415, 488}
    if verdict.status:
        assert verdict.fault
        assert verdict.body == b""
    if verdict.body:
        assert b"\0" not in verdict.body
        assert verdict.body.isascii()
        assert verdict.body.endswith(b"\r\n")
        assert inspect(verdict.content_type, verdict.body, method, status) == verdict
    if verdict.body is None:
        assert not body or (method, status, content_type[:10]) == ("MESSAGE", 0, "text/plain")
