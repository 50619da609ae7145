"""A registrar on a UDP socket that takes times: when REGISTER and INVITE come, and how soon 180 answers an INVITE."""

import re
import secrets
import socket
import threading
import time
from typing import Self

_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
)


class ProbeRegistrar:
    """Accepts whoever registers, answers 486 to whoever calls, and calls whoever has registered.

    Attributes:
        port: where it listens on loopback.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._arrived = threading.Condition()
        self._messages: list[tuple[float, str, tuple[str, int]]] = []
        self._contact: tuple[str, tuple[str, int]] | None = None
        self._thread = threading.Thread(target=self._serve, name="probe-registrar", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def forget(self) -> None:
        """Forget everything that has come so far, whoever registered too."""
        self.forget_messages()
        self._contact = None

    def forget_messages(self) -> None:
        """Forget the messages that have come so far."""
        with self._arrived:
            self._messages.clear()

    def wait_for(self, start: str, timeout_s: float = 30) -> float:
        """Return `time.monotonic()` at the first message that starts so since `forget`.

        Raises:
            TimeoutError: none came.
        """
        return self._wait(start, "", timeout_s)[0]

    def time_ringing(self) -> float:
        """Call the phone that registered, and return the seconds from INVITE sent to 180 received; then give up."""
        if self._contact is None:
            raise RuntimeError("Nobody has registered.")
        uri, address = self._contact
        call_id, branch = secrets.token_hex(8), f"z9hG4bK{secrets.token_hex(8)}"
        head = (
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:probe@127.0.0.1:{self.port}>;tag=1\r\nTo: <{uri}>\r\n"
            f"Call-ID: {call_id}\r\n"
        )
        invite = (
            f"INVITE {uri} SIP/2.0\r\n{head}CSeq: 1 INVITE\r\nContact: <sip:probe@127.0.0.1:{self.port}>\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(_SDP)}\r\n\r\n{_SDP}"
        )
        sent_at = time.monotonic()
        self._socket.sendto(invite.encode(), address)
        rang_at, _ = self._wait("SIP/2.0 180", call_id, 10)
        self._socket.sendto(
            f"CANCEL {uri} SIP/2.0\r\n{head}CSeq: 1 CANCEL\r\nContent-Length: 0\r\n\r\n".encode(), address
        )
        _, final = self._wait("SIP/2.0 487", call_id, 10)
        to = _header(final, "To")
        ack = head.replace(f"To: <{uri}>", f"To: {to}")
        self._socket.sendto(f"ACK {uri} SIP/2.0\r\n{ack}CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n".encode(), address)
        return rang_at - sent_at

    def _wait(self, start: str, call_id: str, timeout_s: float) -> tuple[float, str]:
        found: list[tuple[float, str]] = []

        def look() -> bool:
            found[:] = [(at, text) for at, text, _ in self._messages if text.startswith(start) and call_id in text]
            return bool(found)

        with self._arrived:
            if not self._arrived.wait_for(look, timeout_s):
                raise TimeoutError(f"No {start} within {timeout_s:.0f} s")
        return found[0]

    def _serve(self) -> None:
        while True:
            try:
                packet, address = self._socket.recvfrom(65536)
            except OSError:
                return
            at, text = time.monotonic(), packet.decode(errors="replace")
            if not text.strip():
                continue
            with self._arrived:
                self._messages.append((at, text, address))
                if text.startswith("REGISTER") and (contact := re.search(r"<(sips?:[^>]+)>", _header(text, "Contact"))):
                    self._contact = (contact[1], address)
                self._arrived.notify_all()
            if text.startswith(("REGISTER", "OPTIONS", "SUBSCRIBE", "PUBLISH", "BYE")):
                self._answer(text, address, "200 OK")
            elif text.startswith("INVITE"):
                self._answer(text, address, "486 Busy Here")

    def _answer(self, request: str, address: tuple[str, int], status: str) -> None:
        copied = "".join(f"{name}: {_header(request, name)}\r\n" for name in ("Via", "From", "Call-ID", "CSeq"))
        to = _header(request, "To")
        to = to if "tag=" in to else f"{to};tag=probe"
        contact = f"Contact: {_header(request, 'Contact')}\r\nExpires: 300\r\n" if request.startswith("REG") else ""
        answer = f"SIP/2.0 {status}\r\n{copied}To: {to}\r\n{contact}Content-Length: 0\r\n\r\n"
        self._socket.sendto(answer.encode(), address)


def _header(message: str, name: str) -> str:
    short = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m"}.get(name, name)
    found = re.search(rf"^(?:{name}|{short})\s*:\s*(.*?)\r?$", message, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""
