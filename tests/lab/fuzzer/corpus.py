"""Valid messages of every kind that a handset may be sent, to be broken."""

import random
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from tests.lab.fuzzer.descriptions import DESCRIPTIONS
from tests.lab.fuzzer.message import Context, Message


class Kind(StrEnum):
    """What a message wants, since the handset's gate counts them apart."""

    INVITE = "invite"
    IN_DIALOG = "in_dialog"
    OTHER = "other"
    RESPONSE = "response"


_METHODS: Final = (
    "OPTIONS", "MESSAGE", "NOTIFY", "SUBSCRIBE", "REFER", "INFO", "UPDATE", "PUBLISH", "REGISTER", "PRACK", "BYE",
    "CANCEL", "ACK", "FOO",
)  # fmt: skip
_IN_DIALOG_METHODS: Final = (
    *["INVITE", "INVITE", "INVITE", "UPDATE", "UPDATE", "INFO", "REFER", "NOTIFY", "MESSAGE", "OPTIONS", "PRACK", "ACK",
      "CANCEL"] * 5, "BYE",
)  # fmt: skip
_CODES: Final = (
    100, 180, 181, 182, 183, 199, 200, 202, 204, 300, 301, 302, 305, 380, 400, 401, 403, 404, 405, 407, 408, 415, 420,
    421, 422, 423, 480, 481, 483, 486, 487, 488, 489, 491, 494, 500, 501, 503, 504, 513, 600, 603, 606, 699,
)  # fmt: skip
CALLERS: Final = ("caller", "stranger", "anonymous", "%61")


def make(kind: Kind, rng: random.Random, context: Context) -> Message:
    """Make a valid message of a kind."""
    return _MAKERS[kind](rng, context)


def _request(method: str, rng: random.Random, context: Context, *, in_dialog: bool = False) -> Message:
    word = f"{rng.getrandbits(48):012x}"
    tag = context.local_tag if in_dialog else word
    call_id = context.call_id if in_dialog else f"fuzz-{word}"
    to_tag = f";tag={context.remote_tag}" if in_dialog else ""
    address = f"{context.host}:{context.port}"
    transport = context.transport
    return Message(
        f"{method} sip:alice@127.0.0.1:{context.target_port} SIP/2.0",
        [
            f"Via: SIP/2.0/{transport} {address};rport;branch=z9hG4bK{word}",
            f'From: "Fuzz" <sip:{rng.choice(CALLERS)}@localhost>;tag={tag}',
            f"To: <sip:alice@localhost>{to_tag}",
            f"Call-ID: {call_id}",
            f"CSeq: {context.sequence if in_dialog else 1} {method}",
            f"Contact: <sip:fuzz@{address};transport={transport.lower()}>",
            "Max-Forwards: 70",
        ],
    )


def _add_sdp(message: Message, rng: random.Random, context: Context) -> None:
    message.body = rng.choice(DESCRIPTIONS).format(media_port=context.media_port).encode()
    message.body_type = "application/sdp"


def _invite(rng: random.Random, context: Context) -> Message:
    message = _request("INVITE", rng, context)
    message.headers += rng.sample(_INVITE_HEADERS, rng.randrange(4))
    if rng.random() < 0.85:
        _add_sdp(message, rng, context)
    return message


def _in_dialog(rng: random.Random, context: Context) -> Message:
    method = rng.choice(_IN_DIALOG_METHODS)
    message = _request(method, rng, context, in_dialog=True)
    if method in {"INVITE", "UPDATE", "ACK", "PRACK"} and rng.random() < 0.7:
        _add_sdp(message, rng, context)
    _add_purpose(message, method, rng)
    return message


def _other(rng: random.Random, context: Context) -> Message:
    method = rng.choice(_METHODS)
    message = _request(method, rng, context)
    _add_purpose(message, method, rng)
    return message


def _add_purpose(message: Message, method: str, rng: random.Random) -> None:
    match method:
        case "MESSAGE":
            message.body, message.body_type = "Grüße 你好".encode(), "text/plain;charset=UTF-8"
        case "NOTIFY":
            event, kind, body = rng.choice(_NOTIFICATIONS)
            message.headers += [f"Event: {event}", "Subscription-State: active;expires=60"]
            message.body, message.body_type = body, kind
        case "SUBSCRIBE":
            message.headers += [f"Event: {rng.choice(_EVENTS)}", "Expires: 60", "Accept: application/pidf+xml"]
        case "REFER":
            message.headers += [f"Refer-To: {rng.choice(_REFERRALS)}", "Referred-By: <sip:boss@localhost>"]
        case "INFO":
            message.body_type, message.body = rng.choice(_COMMANDS)
        case "PRACK":
            message.headers.append("RAck: 1 1 INVITE")
        case "REGISTER":
            message.headers.append("Expires: 60")


def _response(rng: random.Random, context: Context) -> Message:
    code = rng.choice(_CODES)
    request = context.request or {
        "Via": f"SIP/2.0/{context.transport} 127.0.0.1:{context.target_port};branch=z9hG4bKnone",
        "From": "<sip:alice@localhost>;tag=none",
        "To": "<sip:fuzz@localhost>",
        "Call-ID": context.call_id,
        "CSeq": "1 INVITE",
    }
    message = Message(
        f"SIP/2.0 {code} Fuzz",
        [f"{name}: {request[name]}" for name in ("Via", "From", "Call-ID", "CSeq")],
    )
    to = request["To"]
    message.headers.append(f"To: {to if ';tag=' in to else f'{to};tag={rng.getrandbits(32):08x}'}")
    message.headers.append(f"Contact: <sip:fuzz@{context.host}:{context.port}>;expires=300")
    message.headers += rng.sample(_RESPONSE_HEADERS, rng.randrange(4))
    if "INVITE" in request["CSeq"] and 180 <= code < 300 and rng.random() < 0.7:
        _add_sdp(message, rng, context)
    return message


_MAKERS: Final[dict[Kind, Callable[[random.Random, Context], Message]]] = {
    Kind.INVITE: _invite,
    Kind.IN_DIALOG: _in_dialog,
    Kind.OTHER: _other,
    Kind.RESPONSE: _response,
}
_INVITE_HEADERS: Final = (
    "Supported: 100rel, timer, replaces, norefersub, outbound, gruu",
    "Require: 100rel",
    "Require: timer",
    "Require: unheard-of",
    "Session-Expires: 90;refresher=uas",
    "Min-SE: 90",
    "Replaces: fuzz@127.0.0.1;to-tag=a;from-tag=b",
    "Alert-Info: <http://localhost/ring.wav>;info=alert-autoanswer",
    "Call-Info: <sip:localhost>;answer-after=0",
    "Diversion: <sip:other@localhost>;reason=unconditional",
    'P-Asserted-Identity: "Somebody" <sip:123@localhost>, <tel:+123>',
    'Remote-Party-ID: "Somebody" <sip:123@localhost>;party=calling;privacy=full',
    "Privacy: id;critical",
    "Record-Route: <sip:127.0.0.1;lr>, <sip:127.0.0.2;lr>",
    "Proxy-Require: none",
    "Expires: 1",
    "Allow: INVITE, ACK",
    "Accept: application/sdp",
)  # fmt: skip
_RESPONSE_HEADERS: Final = (
    'WWW-Authenticate: Digest realm="x", nonce="y", algorithm=MD5, qop="auth"',
    'WWW-Authenticate: Digest realm="x", nonce="y", algorithm=SHA-256',
    'Proxy-Authenticate: Digest realm="x", nonce="y", stale=true, qop="auth,auth-int"',
    "WWW-Authenticate: Basic",
    "Retry-After: 1",
    "Min-Expires: 10",
    "Min-SE: 10",
    "Session-Expires: 10;refresher=uac",
    "Require: 100rel",
    "RSeq: 1",
    "Supported: outbound, timer",
    "Require: outbound",
    "Service-Route: <sip:127.0.0.1;lr>",
    "Path: <sip:127.0.0.1;lr>",
    'Warning: 399 localhost "fuzz"',
    "Unsupported: timer",
    "Expires: 1",
    "Record-Route: <sip:127.0.0.1;lr>",
    "P-Asserted-Identity: <sip:123@localhost>",
)
_EVENTS: Final = ("presence", "message-summary", "refer", "dialog", "reg", "unheard-of")
_NOTIFICATIONS: Final = (
    ("message-summary", "application/simple-message-summary", b"Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n"),
    ("refer", "message/sipfrag;version=2.0", b"SIP/2.0 100 Trying\r\n"),
    ("refer", "message/sipfrag;version=2.0", b"SIP/2.0 200 OK\r\n"),
    ("presence", "application/pidf+xml", b"<?xml version='1.0'?><presence entity='sip:a@b'><tuple/></presence>"),
    ("dialog", "application/dialog-info+xml", b"<dialog-info/>"),
    ("check-sync;reboot=true", "text/plain", b""),
)
_COMMANDS: Final = (
    ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n"),
    ("application/dtmf-relay", b"Signal= #\nDuration= 65535"),
    ("application/dtmf-relay", b"Signal=\x005\r\nDuration=160\r\n"),
    ("application/dtmf", b"5"),
    ("application/media_control+xml", b"<media_control><vc_primitive><to_encoder/></vc_primitive></media_control>"),
)
_REFERRALS: Final = (
    "<sip:600@localhost>",
    "<sip:600@localhost?Replaces=a%40b%3Bto-tag%3Dc%3Bfrom-tag%3Dd>",
    "<sip:600@localhost;method=BYE>",
    "<tel:+123>",
    "<http://localhost/>",
    "<sip:600@localhost?Subject=a&Accept-Contact=*&Route=%3Csip:127.0.0.1%3E>",
    "<sip:600@127.0.0.1:9;transport=unheard-of>",
)
