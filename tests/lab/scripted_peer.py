"""A SIP peer that a test plays message by message, for what phones rarely or never do."""

import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from tests.lab.arrivals import Arrivals
from tests.lab.patience import PATIENCE_S

_MAX_DATAGRAM = 65_535


@dataclass(frozen=True, slots=True)
class SipMessage:
    """A request or a response, with its headers in order."""

    start_line: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        head, _, body = text.partition("\r\n\r\n")
        start_line, *lines = head.split("\r\n")
        headers = tuple((name.strip().lower(), value.strip()) for name, _, value in (x.partition(":") for x in lines))
        return cls(start_line, headers, body)

    @property
    def code(self) -> int:
        """The status code, 0 for a request."""
        return int(self.start_line.split()[1]) if self.start_line.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """The request's method, or that which a response answers."""
        return self.header("CSeq").split()[1]

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for own, value in self.headers if own == name.lower()]

    def header(self, name: str) -> str:
        """Return a header's first value, empty where it is missing."""
        return next(iter(self.all(name)), "")

    @property
    def target(self) -> str:
        """The URI of its Contact."""
        found = re.search(r"<([^>]*)>", self.header("Contact"))
        assert found, f"no Contact in {self.start_line}"
        return found.group(1)

    @property
    def audio_port(self) -> int:
        """Where its description wants audio."""
        found = re.search(r"^m=audio (\d+) ", self.body, re.MULTILINE)
        assert found, self.body
        return int(found[1])

    @property
    def identity(self) -> tuple[str, str, str]:
        """What stays the same when it is sent again."""
        branch = re.search(r"branch=([^;,\s]+)", self.header("Via"))
        return (self.start_line, self.header("CSeq"), branch.group(1) if branch else "")


@dataclass(slots=True)
class Dialog:
    """One dialog (RFC 3261 section 12), as the peer sees it."""

    call_id: str
    local: str
    remote: str
    target: str
    routes: list[str] = field(default_factory=list)
    sequence: int = 0


class ScriptedPeer:
    """Sends and receives one message at a time, over UDP and through the proxy; requests sent again are passed over."""

    def __init__(
        self,
        server_port: int,
        user: str = "peer",
        *,
        address: str = "127.0.0.1",
        server: str = "127.0.0.1",
        domain: str = "localhost",
    ) -> None:
        """Set up without a socket.

        Args:
            server_port: the proxy's UDP port.
            user: who it is.
            address: where it is.
            server: where the proxy is.
            domain: whose users it calls.
        """
        self.user = user
        self._domain = domain
        self._server = (server, server_port)
        self._address = address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self.port = int(self._socket.getsockname()[1])
        self.uri = f"sip:{address}:{self.port}"
        self._inbox = Arrivals[SipMessage]("the peer")
        self._seen: set[tuple[str, str, str]] = set()
        self.dialog = Dialog("", "", "", "")
        self.offered = ""
        self._invitation: list[str] = []
        self._last = b""

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, name="scripted-peer", daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Be gone, without a word."""
        self._socket.close()

    # --- receiving ---------------------------------------------------------------------------------------------------

    def receive(
        self,
        wanted: str | int,
        *,
        method: str = "",
        where: Callable[[SipMessage], bool] = lambda _message: True,
        timeout_s: float = PATIENCE_S,
    ) -> SipMessage:
        """Return the first such message that has not been taken yet.

        Args:
            wanted: a method, or a status code.
            method: for a status code: of which request's response.
            where: what else must hold.
            timeout_s: how long to wait.

        Raises:
            AssertionError: none came in time.
        """

        def fits(message: SipMessage) -> bool:
            if isinstance(wanted, int):
                return message.code == wanted and method in {"", message.method} and where(message)
            return message.start_line.startswith(f"{wanted} ") and where(message)

        return self._inbox.take(fits, f"{wanted}", timeout_s)

    def receive_where(self, fits: Callable[[SipMessage], bool], timeout_s: float = PATIENCE_S) -> SipMessage:
        """Return the first message of some kind that has not been taken yet.

        Raises:
            AssertionError: none came in time.
        """
        return self._inbox.take(fits, timeout_s=timeout_s)

    def receives(self, wanted: str, timeout_s: float) -> SipMessage | None:
        """Return such a request, if one comes within a time; it stays to be received."""
        with suppress(AssertionError):
            return self._inbox.first(
                1, lambda message: message.start_line.startswith(f"{wanted} "), timeout_s=timeout_s
            )[0]
        return None

    def forget(self) -> None:
        """Drop what has come and has not been received."""
        self._inbox.forget()

    def _listen(self) -> None:
        while True:
            try:
                packet, source = self._socket.recvfrom(_MAX_DATAGRAM)
            except OSError:
                return
            # One that was waited for when the socket was closed still comes.
            if self._socket.fileno() < 0:
                return
            # Keep-alives, and RTCP that goes to the port after somebody's RTP.
            if not packet.strip() or packet[0] >= 128:
                continue
            message = SipMessage.parse(packet.decode())
            if message.identity in self._seen:
                continue
            self._seen.add(message.identity)
            if not self._answers_by_itself(message, source):
                self._inbox.add(message)

    def _answers_by_itself(self, _message: SipMessage, _source: tuple[str, int]) -> bool:
        """Say whether a message has been dealt with and the test need not see it."""
        return False

    # --- as one who is called ----------------------------------------------------------------------------------------

    def take_call(self, *, tag: str = "") -> SipMessage:
        """Receive an INVITE and begin its dialog."""
        invite = self.receive("INVITE")
        self.offered = invite.body
        self.dialog = Dialog(
            invite.header("Call-ID"),
            f"{invite.header('To')};tag={tag or secrets.token_hex(4)}",
            invite.header("From"),
            invite.target,
            invite.all("Record-Route"),
        )
        return invite

    def reply(self, request: SipMessage, code: int, *headers: str, body: str = "", tag: str = "") -> None:
        """Answer a request.

        Args:
            request: what to answer.
            code: the status code.
            headers: more lines.
            body: SDP, or whatever a Content-Type among the headers says.
            tag: of the To header, where it is not the dialog's.
        """
        to = request.header("To")
        if "tag=" not in to and code > 100:  # 100 Trying has no tag (RFC 3261 section 8.2.6.1)
            local = self.dialog.local if not tag else f"{to};tag={tag}"
            to = local if "tag=" in local else f"{to};tag={secrets.token_hex(4)}"
        lines = [
            f"SIP/2.0 {code} Scripted",
            *(f"Via: {value}" for value in request.all("Via")),
            *(f"Record-Route: {value}" for value in request.all("Record-Route")),
            f"From: {request.header('From')}",
            f"To: {to}",
            f"Call-ID: {request.header('Call-ID')}",
            f"CSeq: {request.header('CSeq')}",
            f"Contact: <sip:{self.user}@{self._address}:{self.port}>",
        ]
        self._send(lines, headers, body)

    # --- as one who calls --------------------------------------------------------------------------------------------

    def invite(self, callee: str, *headers: str, body: str = "", sender: str = "", to: int = 0) -> None:
        """Call somebody at the proxy, or at a port of loopback."""
        sender = sender or f'"Caller" <sip:{self.user}@{self._domain}>'
        call_id = secrets.token_hex(8)
        self.dialog = Dialog(call_id, f"{sender};tag={secrets.token_hex(4)}", f"<sip:{callee}@{self._domain}>", "")
        self.dialog.target = f"sip:{callee}@{self._domain}"
        self.send("INVITE", *headers, body=body, to=to)

    def establish(self, response: SipMessage) -> None:
        """Learn from a response where the dialog's requests go."""
        self.dialog.remote = response.header("To")
        self.dialog.target = response.target
        self.dialog.routes = response.all("Record-Route")[::-1]

    def acknowledge(self, response: SipMessage, *headers: str, body: str = "") -> None:
        """Send ACK for a final response to an INVITE."""
        sequence = response.header("CSeq").split()[0]
        if response.code >= 300:  # RFC 3261 section 17.1.1.3
            lines = [
                f"ACK {self.dialog.target} SIP/2.0",
                f"Via: {response.header('Via')}",
                f"From: {response.header('From')}",
                f"To: {response.header('To')}",
                f"Call-ID: {response.header('Call-ID')}",
                f"CSeq: {sequence} ACK",
                "Max-Forwards: 70",
            ]
            self._send(lines, headers, body)
            return
        self.send("ACK", *headers, body=body, sequence=int(sequence))

    # --- requests ----------------------------------------------------------------------------------------------------

    def send(self, method: str, *headers: str, body: str = "", sequence: int = 0, to: int | socket.socket = 0) -> None:
        """Send a request in the dialog, to a port of loopback or over a connection where one is given."""
        if not sequence:
            self.dialog.sequence += 1
        dialog = self.dialog
        transport = "TCP" if isinstance(to, socket.socket) else "UDP"
        way = f"SIP/2.0/{transport} {self._address}:{self.port};rport;branch=z9hG4bK{secrets.token_hex(8)}"
        lines = [
            f"{method} {dialog.target} SIP/2.0",
            f"Via: {way}",
            *(f"Route: {route}" for route in dialog.routes),
            f"From: {dialog.local}",
            f"To: {dialog.remote}",
            f"Call-ID: {dialog.call_id}",
            f"CSeq: {sequence or dialog.sequence} {method}",
            f"Contact: <sip:{self.user}@{self._address}:{self.port}>",
            "Max-Forwards: 70",
        ]
        if method == "INVITE":
            kept = ("INVITE ", "Via: ", "Route: ", "From: ", "To: ", "CSeq: ")
            self._invitation = [line for line in lines if line.startswith(kept)]
        self._send(lines, headers, body, to)

    def repeat(self) -> None:
        """Send the newest message again, as is done over UDP where nothing comes back (RFC 3261 section 17.1.1.2)."""
        self._socket.sendto(self._last, self._server)

    def cancel(self) -> None:
        """Take the newest INVITE back (RFC 3261 section 9.1)."""
        lines = [line.replace("INVITE", "CANCEL") for line in self._invitation]
        self._send([*lines, f"Call-ID: {self.dialog.call_id}", "Max-Forwards: 70"], (), "")

    def write(self, reader: str, text: str) -> None:
        """Send somebody a text message (RFC 3428)."""
        sender = f"<sip:{self.user}@localhost>;tag={secrets.token_hex(4)}"
        self.dialog = Dialog(secrets.token_hex(8), sender, f"<sip:{reader}@localhost>", f"sip:{reader}@localhost")
        self.send("MESSAGE", "Content-Type: text/plain", body=text)

    def hang_up(self) -> None:
        """Send BYE and wait for the answer."""
        self.send("BYE")
        self.receive(200, method="BYE")

    def confirm_hang_up(self) -> None:
        """Receive BYE and answer it."""
        self.reply(self.receive("BYE"), 200)

    def send_to(self, contact: str, packet: str) -> None:
        """Send anything to a phone itself, past the proxy.

        Args:
            contact: where it has registered.
            packet: what to send.
        """
        host, _, port = contact.partition("@")[2].partition(";")[0].rpartition(":")
        self._socket.sendto(packet.encode(), (host, int(port)))

    def _send(self, lines: list[str], headers: Sequence[str], body: str, to: int | socket.socket = 0) -> None:
        content = body.encode()
        if content and not any(header.lower().startswith("content-type") for header in headers):
            lines.append("Content-Type: application/sdp")
        lines += [*headers, f"Content-Length: {len(content)}"]
        packet = self._last = "\r\n".join([*lines, "", ""]).encode() + content
        if isinstance(to, socket.socket):
            to.sendall(packet)
        else:
            self._socket.sendto(packet, ("127.0.0.1", to) if to else self._server)


class ScriptedServer(ScriptedPeer):
    """The phone's own server: it takes its registration, and everybody whom the phone calls is for the test to play.

    Or a device that the phone calls without one: it learns by a request of the phone's where that is.
    """

    def __init__(self, user: str = "peer", *, address: str = "127.0.0.1") -> None:
        super().__init__(0, user, address=address)

    def _answers_by_itself(self, message: SipMessage, source: tuple[str, int]) -> bool:
        if message.code or message.method not in {"REGISTER", "OPTIONS"}:
            return False
        self._server = source
        contacts = [f"Contact: {contact};expires=300" for contact in message.all("Contact")]
        self.reply(message, 200, *(contacts if message.method == "REGISTER" else ()), tag=secrets.token_hex(4))
        return True


def sdp(
    port: int = 0,
    *,
    version: int = 0,
    formats: str = "8 101",
    direction: str = "sendrecv",
    address: str = "127.0.0.1",
    names: Mapping[str, str] | None = None,
    lines: Sequence[str] = (),
) -> str:
    """Make a session description with one audio stream.

    Args:
        port: where RTP is expected; one that is likely to be free where left out.
        version: of the session, to rise with each change; by the clock where left out.
        formats: payload types: 8 is PCMA, 9 is G722, 101 is telephone-event, 111 is Opus.
        direction: sendrecv, sendonly, recvonly or inactive.
        address: where RTP is expected.
        names: of other payload types.
        lines: more attributes.
    """
    maps = {
        "8": "PCMA/8000",
        "9": "G722/8000",
        "0": "PCMU/8000",
        "101": "telephone-event/8000",
        "111": "opus/48000/2",
        **(names or {}),
    }
    written = [
        "v=0",
        f"o=peer 1 {version or time.monotonic_ns()} IN IP4 127.0.0.1",
        "s=-",
        f"c=IN IP4 {address}",
        "t=0 0",
        f"m=audio {port or 40_000} RTP/AVP {formats}",
        *(f"a=rtpmap:{number} {maps[number]}" for number in formats.split() if number in maps),
        f"a={direction}",
        *(f"a={line}" for line in lines),
    ]
    return "".join(f"{line}\r\n" for line in written)
