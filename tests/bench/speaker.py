"""A registrar that calls whoever registers with it, and says the same to all of them, packet by packet."""

import audioop
import re
import secrets
import socket
import struct
import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

import numpy as np
from G722 import G722

from tests.bench.speech import RATE_HZ, resampled
from tests.lab.audio import Sound
from tests.lab.network import Namespace
from tests.lab.priority import prefer

_PACKET_S: Final = 0.02
_PACKET_UNITS: Final = 160  # of the RTP clock; G.722's runs at 8 kHz too (RFC 3551 section 4.5.2)
_EVENTS: Final = 101


class Codec(Enum):
    """What the speaker speaks: payload type and name in SDP."""

    G722 = (9, "G722/8000")
    PCMA = (8, "PCMA/8000")

    def encode(self, sound: Sound) -> list[bytes]:
        """Return the payload of each packet."""
        if self is Codec.G722:
            coder = G722(RATE_HZ, 64_000)
            samples = np.frombuffer(resampled(sound, RATE_HZ).pcm, "<i2")
            size = round(RATE_HZ * _PACKET_S)
            return [coder.encode(samples[at : at + size]) for at in range(0, len(samples) - size + 1, size)]
        encoded = audioop.lin2alaw(resampled(sound, 8_000).pcm, 2)
        return [encoded[at : at + _PACKET_UNITS] for at in range(0, len(encoded) - _PACKET_UNITS + 1, _PACKET_UNITS)]


@dataclass(slots=True)
class _Call:
    call_id: str
    uri: str
    address: tuple[str, int]
    media: socket.socket
    sdp: str
    remote_media: tuple[str, int] | None = None
    to: str = ""


class Speaker:
    """Lives in a namespace, at an address of its own.

    Attributes:
        port: where it takes SIP over UDP.
    """

    def __init__(self, namespace: Namespace, address: str, codec: Codec) -> None:
        self._address = address
        self._namespace = namespace
        self._codec = codec
        self._socket = self._open_socket()
        self.port: int = self._socket.getsockname()[1]
        self._changed = threading.Condition()
        self._contacts: dict[str, tuple[str, tuple[str, int]]] = {}
        self._calls: dict[str, _Call] = {}
        self._thread = threading.Thread(target=self._serve, name="speaker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def wait_for_registration(self, user: str, timeout_s: float = 20) -> None:
        """Wait until somebody has registered as this user.

        Raises:
            TimeoutError: nobody has.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: user in self._contacts, timeout_s):
                raise TimeoutError(f"{user} did not register within {timeout_s:.0f} s")

    def ring(self, user: str) -> None:
        """Send an INVITE to a user that has registered."""
        uri, address = self._contacts[user]
        media = self._open_socket()
        payload, name = self._codec.value
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {self._address}\r\ns=-\r\nc=IN IP4 {self._address}\r\nt=0 0\r\n"
            f"m=audio {media.getsockname()[1]} RTP/AVP {payload} {_EVENTS}\r\na=rtpmap:{payload} {name}\r\n"
            f"a=rtpmap:{_EVENTS} telephone-event/8000\r\na=ptime:20\r\n"
        )
        call = _Call(secrets.token_hex(8), uri, address, media, sdp)
        self._calls[call.call_id] = call
        self._request(call, "INVITE", 1, sdp)

    def wait_for_answers(self, timeout_s: float = 15) -> None:
        """Wait until every call that rings has been answered.

        Raises:
            TimeoutError: one has not.
        """
        with self._changed:
            answered = self._changed.wait_for(
                lambda: all(call.remote_media is not None for call in self._calls.values()), timeout_s
            )
        if not answered:
            raise TimeoutError(f"A phone did not answer within {timeout_s:.0f} s")

    def say(self, sound: Sound) -> float:
        """Send the sound to everybody at once and return `time.monotonic()` at which its first sample was spoken."""
        payloads = self._codec.encode(sound)
        payload_type, _ = self._codec.value
        calls = [call for call in self._calls.values() if call.remote_media is not None]
        sources = {call.call_id: secrets.randbits(32) for call in calls}
        prefer(threading.get_native_id())
        began_at = time.monotonic() + _PACKET_S
        for number, payload in enumerate(payloads):
            wait_s = began_at + number * _PACKET_S - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            for call in calls:
                marker = 0x80 if number == 0 else 0
                header = struct.pack(
                    "!BBHII", 0x80, marker | payload_type, 1000 + number, number * _PACKET_UNITS, sources[call.call_id]
                )
                assert call.remote_media is not None
                call.media.sendto(header + payload, call.remote_media)
        # A microphone would have had to listen for the length of a packet before it could be sent.
        return began_at - _PACKET_S

    def hang_up(self) -> None:
        """End every call."""
        calls, self._calls = self._calls, {}
        for call in calls.values():
            self._request(call, "BYE" if call.to else "CANCEL", 2 if call.to else 1)
            call.media.close()

    def _open_socket(self) -> socket.socket:
        with self._namespace.entered():
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind((self._address, 0))
        return opened

    def _request(self, call: _Call, method: str, number: int, body: str = "") -> None:
        own = f"{self._address}:{self.port}"
        content = "Content-Type: application/sdp\r\n" if body else ""
        branch = call.call_id if method in {"INVITE", "CANCEL"} else secrets.token_hex(8)
        message = (
            f"{method} {call.uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:speaker@{own}>;tag=1\r\nTo: {call.to or f'<{call.uri}>'}\r\n"
            f"Call-ID: {call.call_id}\r\nCSeq: {number} {method}\r\nContact: <sip:speaker@{own}>\r\n"
            f"{content}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self._socket.sendto(message.encode(), call.address)

    def _serve(self) -> None:
        while True:
            try:
                packet, address = self._socket.recvfrom(65536)
            except OSError:
                return
            message = packet.decode(errors="replace")
            if not message.strip():
                continue
            with self._changed:
                if message.startswith("SIP/2.0"):
                    self._take_response(message)
                else:
                    self._take_request(message, address)
                self._changed.notify_all()

    def _take_request(self, message: str, address: tuple[str, int]) -> None:
        method = message.split(" ", 1)[0]
        if method == "ACK":
            return
        copied = "".join(f"{name}: {_header(message, name)}\r\n" for name in ("Via", "From", "Call-ID", "CSeq"))
        to = _header(message, "To")
        to = to if "tag=" in to else f"{to};tag=speaker"
        contact = _header(message, "Contact")
        if method == "REGISTER":
            copied += f"Contact: {contact}\r\nExpires: 300\r\n"
            user = re.search(r"sips?:([^@]+)@", _header(message, "To"))
            uri = re.search(r"<(sips?:[^>]+)>", contact)
            if user and uri:
                self._contacts[user[1]] = (uri[1], address)
        self._socket.sendto(f"SIP/2.0 200 OK\r\n{copied}To: {to}\r\nContent-Length: 0\r\n\r\n".encode(), address)

    def _take_response(self, message: str) -> None:
        call = self._calls.get(_header(message, "Call-ID"))
        if call is None or not message.startswith("SIP/2.0 200") or not _header(message, "CSeq").endswith("INVITE"):
            return
        call.to = _header(message, "To")
        contact = re.search(r"<(sips?:[^>]+)>", _header(message, "Contact"))
        call.uri = contact[1] if contact else call.uri
        self._request(call, "ACK", 1)
        host, port = (
            re.search(r"^c=IN IP4 (\S+)", message, re.MULTILINE),
            re.search(r"^m=audio (\d+)", message, re.MULTILINE),
        )
        if host and port:
            call.remote_media = (host[1], int(port[1]))


def _header(message: str, name: str) -> str:
    short = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m"}.get(name, name)
    found = re.search(rf"^(?:{name}|{short})\s*:\s*(.*?)\r?$", message, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""
