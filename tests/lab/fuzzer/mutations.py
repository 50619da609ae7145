"""Ways to break a message; each takes its decisions from a generator of its own."""

import random
import re
from collections.abc import Callable
from typing import Final

from tests.lab.fuzzer.message import Message

Mutation = Callable[[Message, random.Random], None]
ByteMutation = Callable[[bytes, random.Random], bytes]

LARGEST: Final = 65_000  # what one UDP datagram carries, all but
NUMBERS: Final = (
    "-1", "0", "1", "-0", "00000000000000000001", "255", "256", "65535", "65536", "2147483647", "2147483648",
    "4294967295", "4294967296", "9223372036854775807", "18446744073709551616", "1" * 40, "1" * 400, "-2147483649",
    "1e9", "0x10", "1.5", "+5", "", " ", "NaN", "١٢", "5;", "5,6",
)  # fmt: skip
URIS: Final = (
    "sip:", "sips:alice@localhost", "sip:@", "sip:@localhost", "sip::@localhost", "sip:a:b:c@localhost",
    "sip:alice@[::1]", "sip:alice@[::1", "sip:alice@[]", "sip:alice@localhost:", "sip:alice@localhost:99999",
    "sip:alice@localhost:-1", "sip:%00%ff@localhost", "sip:%@localhost", "sip:%zz@localhost", "tel:+49-30;isub=1",
    "tel:", "xyz:abc", "http://localhost/?a=b", "urn:service:sos", "mailto:a@b", "sip:a@b;;;;", "sip:a@b;=;=",
    "sip:a@b;lr=;lr", "sip:a@b?", "sip:a@b?To=x&To=y&=&&", "sip:a@b;transport=tcp;transport=udp",
    "sip:a@b;maddr=255.255.255.255;ttl=999", "*", "", "<", "<<<<sip:a@b>>>>", '"', "sip:a@b>", "sip:a@" + "b." * 300,
    "sip:" + "a" * 3000 + "@b", "sip:a@b" + ";p=1" * 300, "sip:a@b?" + "h=1&" * 300, "sip:alice@0.0.0.0",
    "sip:alice@255.255.255.255", 'sip:alice@localhost;user=phone;phone-context="', "sip:a@b;tag=c",
    "sip:\udcff\udcfe@localhost", "sip:a\x00b@localhost", "sip:" + "%41" * 900 + "@b",
)  # fmt: skip
NAMES: Final = (
    '"', '""', '"\\"', '"\\', '"a" "b"', '"' + '\\"' * 500 + '"', '"' * 999, "(" * 500 + ")" * 500, "<" * 50,
    '"\udcc3("', '"\x00"', "'", ",", ";", "=", '"a\r\n b"', "%s%n%x%p", "你" * 400, "\u202e", "a" * 5000,
    '"' + "\\\\" * 999 + '"', "=?utf-8?Q?=41?=", "\ufeff", "\udcff" * 200,
)  # fmt: skip
NUMBERED: Final = (
    "Content-Length", "CSeq", "Max-Forwards", "Expires", "Session-Expires", "Min-SE", "RSeq", "RAck", "Retry-After",
    "Min-Expires", "Timestamp", "Call-Info", "Subscription-State",
)  # fmt: skip
NASTY_HEADERS: Final = (
    "Via: SIP/2.0/UDP", "Via: SIP/2.0/UDP :", "Via: SIP/2.0/TCP 127.0.0.1:99999;branch=", "Via: ,,,",
    "Via: SIP/9.9/XYZ a;rport=-1;received=x;ttl=9999", "From: ;tag=", "To: ;tag=;tag=", "CSeq: INVITE", "CSeq: 1",
    "CSeq: 1 BYE", "Route: <>", "Route: <sip:127.0.0.1;lr>,,,", "Record-Route: ,", "Contact: *",
    "Contact: <sip:a@b>;expires=-1;q=2.5", "Contact: " + "<sip:a@b>," * 60 + "<sip:a@b>", "Authorization: Digest",
    "Authorization: Digest ,,,=", 'WWW-Authenticate: Digest realm="',
    "WWW-Authenticate: Digest " + 'a="b",' * 300 + 'c="d"', "Require: " + "a," * 300 + "a", "Supported:", "Allow: ,,",
    "Event: ;", "Event:", "Refer-To:", "Refer-To: <sip:a@b", "Replaces: ;",
    "Replaces: a;from-tag=;to-tag=;early-only=x", "Subscription-State: ;;;", "RAck: a b c",
    "Session-Expires: ;refresher=nobody", "Content-Type:", "Content-Type: ///;;;", 'Content-Type: a/b;c="',
    "Content-Encoding: gzip", "Content-Disposition: session;handling=required", "Accept: */*;q=", ":", " :", "a",
    "\t", " folded", "X" * 300 + ": y", "X:" + " " * 3000, "Call-ID:", "Call-ID: " + "c" * 3000, "Warning: 399",
    "Retry-After: (comment", "l: 5", "l: -5", "v: x", "f: x", "t: x", "i: x", "m: x", "c: application/sdp",
    "k: timer", "X: \udcc0\udc80\udcff", "X: \x00", "X\x00: y", "User-Agent:",
)  # fmt: skip
SDP_LINES: Final = (
    "v=1", "v=", "o=", "o=- -1 -1 IN IP4 x", "o=- 99999999999999999999 1 IN IP4 127.0.0.1", "s=", "c=", "c=IN IP4",
    "c=IN IP4 0.0.0.0", "c=IN IP4 255.255.255.255", "c=IN IP4 224.2.1.1/127/3", "c=IN IP6 ::1", "c=IN IP6 zz",
    "c=IN IP4 localhost", "c=IN IP9 x", "c=XX XX XX", "c=IN IP4 " + "1" * 3000, "t=", "t=-1 -1", "m=", "m=audio",
    "m=audio 0 RTP/AVP 8", "m=audio -1 RTP/AVP 8", "m=audio 70000 RTP/AVP 8", "m=audio 9/65535 RTP/AVP 8",
    "m=audio 9 RTP/AVP", "m=audio 9 RTP/AVP " + "8 " * 200, "m=audio 9 RTP/AVP 999", "m=audio 9 RTP/AVP -1",
    "m=audio 9 RTP/SAVP 8", "m=audio 9 UDP/TLS/RTP/SAVPF 8", "m=audio 9 TCP/X 8", "m=video 9 RTP/AVP 96",
    "m=image 9 udptl t38", "m=message 9 TCP/MSRP *", "m=text 9 RTP/AVP 98",
    "m=audio 9 RTP/AVP 8 " + " ".join(map(str, range(128))), "a=", "a=rtpmap:", "a=rtpmap:8", "a=rtpmap:8 PCMA",
    "a=rtpmap:8 PCMA/0", "a=rtpmap:8 PCMA/-1", "a=rtpmap:8 PCMA/8000/0", "a=rtpmap:8 PCMA/8000/255",
    "a=rtpmap:8 PCMA/99999999999", "a=rtpmap:8 /", "a=rtpmap:999 X/1", "a=rtpmap:101 telephone-event/48000",
    "a=rtpmap:8 " + "X" * 3000 + "/8000", "a=rtpmap:8 L16/44100/2", "a=fmtp:", "a=fmtp:8", "a=fmtp:101",
    "a=fmtp:101 0-99999", "a=fmtp:8 " + "a=b;" * 500, "a=fmtp:8 ;;==;", "a=ptime:0", "a=ptime:-20", "a=ptime:1",
    "a=ptime:65535", "a=ptime:99999999999", "a=ptime:x", "a=maxptime:0", "a=sendonly", "a=recvonly", "a=inactive",
    "a=sendonly\r\na=recvonly", "a=rtcp:", "a=rtcp:0", "a=rtcp:99999 IN IP4 x", "a=rtcp:-1 IN IP4 127.0.0.1",
    "a=rtcp-mux", "a=rtcp-fb:* nack", "a=ssrc:1 cname:x", "a=ssrc:x", "a=setup:actpass", "a=fingerprint:sha-1 00",
    "a=fingerprint:", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:", "a=crypto:", "a=crypto:x x x", "a=ice-ufrag:a",
    "a=ice-pwd:b", "a=candidate:", "a=candidate:1 1 UDP -1 x -1 typ host", "a=candidate:" + "1 " * 400, "a=ice-lite",
    "a=mid:" + "x" * 500, "a=group:BUNDLE " + "x " * 200, "b=AS:-1", "b=", "b=TIAS:99999999999", "k=clear:x", "z=0 0",
    "r=1 2 3", "i=\udcff", "u=", "e=", "p=", "x", "=", "==", "\x00", "a=\x00", "a" * 3000, "a=" + "x" * 3000,
)  # fmt: skip
# The library takes 4,000 bytes of a datagram.
_SIZES: Final = (*[500, 1500, 2500, 3000, 3500] * 4, 8000, LARGEST - 2000)
_NUMBER = re.compile(r"\d+")
_URI = re.compile(r"(?:sip|tel|http):[^>;,\s]*")


# --- of parts ---------------------------------------------------------------------------------------------------------


def break_number(message: Message, rng: random.Random) -> None:
    """Put a nasty number in the place of a length, a counter or a port."""
    number = rng.choice(NUMBERS)
    if rng.random() < 0.5:
        name = rng.choice(NUMBERED)
        message.headers = [line for line in message.headers if not line.startswith(f"{name}:")]
        method = message.start.split(" ")[0] if name == "CSeq" else ""
        message.headers.append(f"{name}: {number} {method}".rstrip())
        return
    places = [index for index, line in enumerate(message.headers) if _NUMBER.search(line)]
    if places:
        index = rng.choice(places)
        match = rng.choice(list(_NUMBER.finditer(message.headers[index])))
        line = message.headers[index]
        message.headers[index] = line[: match.start()] + number + line[match.end() :]


def break_uri(message: Message, rng: random.Random) -> None:
    """Put a strange URI in the place of one."""
    uri = rng.choice(URIS)
    if rng.random() < 0.2:
        message.start = _URI.sub(lambda _match: uri, message.start, count=1)
        return
    places = [index for index, line in enumerate(message.headers) if _URI.search(line)]
    if places:
        index = rng.choice(places)
        message.headers[index] = _URI.sub(lambda _match: uri, message.headers[index], count=1)


def break_name(message: Message, rng: random.Random) -> None:
    """Give somebody a strange name."""
    name, value = rng.choice(("From", "To", "Contact", "P-Asserted-Identity", "Refer-To")), rng.choice(NAMES)
    message.headers = [
        f"{name}: {value} <{line.partition('<')[2]}" if line.startswith(f"{name}:") else line
        for line in message.headers
    ]


def add_headers(message: Message, rng: random.Random) -> None:
    """Add strange headers, at any place."""
    for _ in range(rng.choice((1, 1, 2, 5))):
        message.headers.insert(rng.randrange(len(message.headers) + 1), rng.choice(NASTY_HEADERS))


def add_many_headers(message: Message, rng: random.Random) -> None:
    """Add hundreds of headers."""
    message.headers += [f"{rng.choice(('Via', 'Contact', 'Route', 'X-Fuzz', 'Supported'))}: {number}" for number in
                        range(rng.choice((50, 200, 2000)))]  # fmt: skip


def add_huge_header(message: Message, rng: random.Random) -> None:
    """Add a header of up to 64 KiB, or make one so large."""
    size = rng.choice(_SIZES)
    filling = (rng.choice(("a", ";a=b", ",", "<", '"', "\\", " ", "(", "%41", "\t", "\r\n ", "é")) * size)[:size]
    if rng.random() < 0.5:
        message.headers.append(f"X-Fuzz: {filling}")
    else:
        message.headers[rng.randrange(len(message.headers))] += filling


def drop_headers(message: Message, rng: random.Random) -> None:
    """Leave headers out."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        if message.headers:
            message.headers.pop(rng.randrange(len(message.headers)))


def repeat_headers(message: Message, rng: random.Random) -> None:
    """Have headers twice or often."""
    line = rng.choice(message.headers) if message.headers else "Via: x"
    message.headers += [line] * rng.choice((1, 1, 2, 30, 100))


def shuffle_headers(message: Message, rng: random.Random) -> None:
    """Put headers into another order."""
    rng.shuffle(message.headers)


def rename_header(message: Message, rng: random.Random) -> None:
    """Call a header something else."""
    if message.headers:
        index = rng.randrange(len(message.headers))
        name, _, value = message.headers[index].partition(":")
        name = rng.choice(
            (name.upper(), name.lower(), f"{name} ", f" {name}", f"{name}\t", f"{name}\x00", "X-Fuzz", "", name * 50)
        )
        message.headers[index] = f"{name}:{value}"


def break_start(message: Message, rng: random.Random) -> None:
    """Break the first line."""
    message.start = rng.choice((
        "", " ", message.start.replace("SIP/2.0", "SIP/3.0"), message.start.replace(" SIP/2.0", ""),
        message.start + " ", message.start.lower(), message.start.replace(" ", "  "),
        message.start.replace(" ", "\t"), "SIP/2.0", "SIP/2.0 ", "SIP/2.0 99 X", "SIP/2.0 1000 X", "SIP/2.0 -1 X",
        "SIP/2.0 abc X", "SIP/2.0 200", "INVITE", "INVITE sip:a@b", "GET / HTTP/1.1", "M" * 5000 + " sip:a@b SIP/2.0",
        "IN\x00VITE sip:a@b SIP/2.0", "\x16\x03\x01\x02\x00\x01", "PRI * HTTP/2.0", "SIP/2.0 200 " + "x" * 3000,
        "SIP/2.0 200 \udcff\udcfe",
    ))  # fmt: skip


def break_sdp(message: Message, rng: random.Random) -> None:
    """Break the description of the media, with a length that is right."""
    lines = message.body.decode("utf-8", "surrogateescape").split("\r\n")[:-1] if message.body else []
    message.body_type = message.body_type or "application/sdp"
    for _ in range(rng.choice((1, 1, 2, 4))):
        action = rng.randrange(6)
        if action == 0 and lines:
            lines.pop(rng.randrange(len(lines)))
        elif action == 1 and lines:
            lines[rng.randrange(len(lines))] = rng.choice(SDP_LINES)
        elif action == 2:
            line = rng.choice((*SDP_LINES, "m=audio 9 RTP/AVP 8"))
            lines += [line] * rng.choice((1, 1, 15, 16, 17, 40, 300))
        elif action == 3 and lines:
            index = rng.randrange(len(lines))
            lines[index] = _NUMBER.sub(lambda _match: rng.choice(NUMBERS), lines[index])
        elif action == 4:
            rng.shuffle(lines)
        else:
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(SDP_LINES))
    ending = rng.choice(("\r\n", "\r\n", "\r\n", "\n", "\r", "\n\r", ""))
    message.body = "".join(line + ending for line in lines).encode("utf-8", "surrogateescape")[: LARGEST - 3000]


def nest_multipart(message: Message, rng: random.Random) -> None:
    """Wrap the body into multipart within multipart."""
    boundary = rng.choice(("b", '"b c"', "-" * 70, "", "b" * 500))
    body, kind = message.body, message.body_type or "application/sdp"
    for _ in range(rng.choice((1, 2, 10, 60))):
        opening = (
            f"--{boundary}\r\nContent-Type: {kind}\r\n{rng.choice(('', 'Content-Length: -1' + chr(13) + chr(10)))}\r\n"
        )
        closing = rng.choice((f"\r\n--{boundary}--\r\n", "", f"\r\n--{boundary}", f"\r\n--{boundary}\r\n" * 20))
        body, kind = opening.encode() + body + closing.encode(), f"multipart/mixed;boundary={boundary}"
        if len(body) > LARGEST - 5000:
            break
    message.body = body[: LARGEST - 3000]
    message.body_type = rng.choice(
        (kind, kind, "multipart/mixed", "multipart/mixed;boundary=", 'multipart/mixed;boundary="')
    )


def break_body(message: Message, rng: random.Random) -> None:
    """Have another body than is said."""
    message.body = rng.choice((
        b"", b"\0" * 100, bytes(range(256)) * 4, message.body * 20, message.body[: len(message.body) // 2],
        b"Messages-Waiting: " + b"y" * 3000, b"Voice-Message: 99999999999999999999/-1 (x/y)\r\n",
        b"Signal=\r\nDuration=-1\r\n", b"Signal=" + b"5" * 3000, b"SIP/2.0 200", b"SIP/2.0 99999999999 OK\r\n",
        b"<?xml" + b"<a>" * 3000, b"\xff\xfe" * 200, b"<presence>" + b"<tuple>" * 200,
    ))[:20_000]  # fmt: skip
    if rng.random() < 0.3:
        message.body_type = rng.choice(("application/sdp", "text/plain", "message/sipfrag", "", "application/pidf+xml"))


# --- of bytes ---------------------------------------------------------------------------------------------------------


def truncate(data: bytes, rng: random.Random) -> bytes:
    """Cut it off at any byte."""
    return data[: rng.randrange(len(data) + 1)]


def flip_bytes(data: bytes, rng: random.Random) -> bytes:
    """Change some bytes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 8, 40))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.choice(
                (0, 10, 13, 32, 34, 44, 58, 59, 60, 127, 128, 255, rng.randrange(256))
            )
    return bytes(changed)


def insert_bytes(data: bytes, rng: random.Random) -> bytes:
    """Put something in between."""
    position = rng.randrange(len(data) + 1)
    return data[:position] + rng.choice((
        b"\0", b"\r", b"\n", b"\r\n\r\n", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\r\n ", b'"', b"\\", b"<",
        b"\x1b[2J", b"%n", b"\0" * 500,
    )) + data[position:]  # fmt: skip


def delete_bytes(data: bytes, rng: random.Random) -> bytes:
    """Leave a stretch out."""
    first = rng.randrange(len(data) + 1)
    return data[:first] + data[first + rng.choice((1, 2, 10, 100)) :]


def change_line_ends(data: bytes, rng: random.Random) -> bytes:
    """End lines otherwise."""
    return data.replace(
        b"\r\n", rng.choice((b"\n", b"\r", b"\n\r", b"\r\r\n", b"\r\n\r\n", b"\r\n ", b"\0\r\n", b" \r\n"))
    )


def surround(data: bytes, rng: random.Random) -> bytes:
    """Have something before or after it."""
    extra = rng.choice((b"\r\n\r\n", b"\r\n", b"\0", b"\n" * 100, data, b"\0\1\0\0!\x12\xa4B" + b"\0" * 12))
    return (extra + data if rng.random() < 0.5 else data + extra)[:LARGEST]


MUTATIONS: Final[tuple[Mutation, ...]] = (
    break_number, break_number, break_uri, break_uri, break_name, add_headers, add_headers, add_many_headers,
    add_huge_header, drop_headers, repeat_headers, shuffle_headers, rename_header, break_start, break_sdp, break_sdp,
    break_sdp, nest_multipart, break_body,
)  # fmt: skip
BYTE_MUTATIONS: Final[tuple[ByteMutation, ...]] = (
    truncate, truncate, flip_bytes, flip_bytes, insert_bytes, delete_bytes, change_line_ends, surround,
)  # fmt: skip
