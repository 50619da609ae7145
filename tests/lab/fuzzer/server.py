"""The handset's own server turned hostile: it registers the handset, calls it, and sends it malformed messages."""

import re
import socket
import threading
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from tests.lab.fuzzer.corpus import Kind
from tests.lab.fuzzer.message import SDP, Context
from tests.lab.ports import free_port

if TYPE_CHECKING:
    from tests.lab.fuzzer.cases import Case

_HEADER: Final = re.compile(r"^(Via|From|To|Call-ID|CSeq|Contact)\s*:\s*(.*?)\r$", re.IGNORECASE | re.MULTILINE)
_BUFFER: Final = 65536
_RTP_HEADER: Final = 12
_STREAM_S: Final = 3.0
_QUIET_S: Final = 0.05
_FORGETFUL: Final = 5


class HostileServer:
    """Registrar, caller and fuzzer at one loopback address, over UDP or TCP.

    Attributes:
        port: where the handset finds it.
    """

    def __init__(self, transport: str) -> None:
        self.transport = transport.upper()
        self.port = free_port(socket.SOCK_STREAM if self.transport == "TCP" else socket.SOCK_DGRAM)
        self.target_port = 0
        self.answers: deque[str] = deque(maxlen=400)
        self._arrived = threading.Condition()
        self._stopping = threading.Event()
        self._udp: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._connection: socket.socket | None = None
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._threads: list[threading.Thread] = []
        self._count = 0
        self._dialog: dict[str, str] = {}
        self._request: dict[str, str] = {}
        # Malformed answers to send before the right one to the handset's next requests.
        self.answers_first: deque[Case] = deque()
        # Well-formed answers (status, To tag, SDP) to the handset's INVITEs; it is told busy where there are none.
        self.answers_to_invite: Sequence[tuple[int, str, str]] = ()
        self.heard_media = threading.Event()
        self.media_target: tuple[str, int] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen."""
        self._media.bind(("127.0.0.1", 0))
        self._media.settimeout(0.2)
        if self.transport == "UDP":
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
            self._udp.bind(("127.0.0.1", self.port))
            self._udp.settimeout(0.2)
            self._start(self._serve_udp)
        else:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listener.settimeout(0.2)
            self._start(self._serve_tcp)
        self._start(self._echo_media)

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        for each in (self._udp, self._listener, self._connection, self._media):
            if each is not None:
                each.close()

    @property
    def context(self) -> Context:
        """What the next message to the handset refers to."""
        self._count += 1
        return Context(
            self.port,
            self.target_port,
            self.transport,
            self._media.getsockname()[1],
            self._dialog.get("call_id", "no-dialog"),
            self._dialog.get("local_tag", "none"),
            self._dialog.get("remote_tag", "none"),
            self._count,
            dict(self._request),
        )

    # --- sending ------------------------------------------------------------------------------------------------------

    def send(self, messages: Sequence[bytes]) -> None:
        """Send messages that may break the connection that they are sent over: over TCP on one of their own."""
        if self._udp is not None:
            for data in messages:
                with suppress(OSError):
                    self._udp.sendto(data, ("127.0.0.1", self.target_port))
            return
        with socket.socket() as stream, suppress(OSError):
            stream.settimeout(_STREAM_S)
            stream.connect(("127.0.0.1", self.target_port))
            for data in messages:
                stream.sendall(data)
            # The handset closes a connection whose bytes make no sense, and answers what does.
            stream.settimeout(_QUIET_S)
            buffer = b""
            while data := stream.recv(_BUFFER):
                buffer = self._take_all(buffer + data, stream.sendall)

    def ask(self, text: str, call_id: str, timeout_s: float = 5) -> str | None:
        """Send a valid request over the registration's flow and return its final answer."""
        return self._final(lambda: self._send_valid(text), call_id, timeout_s)

    def ping(self, timeout_s: float = 5) -> bool:
        """Say whether the handset answers, and with it everything sent before over UDP has been handled."""
        self._count += 1
        call_id = f"ping-{self._count}"
        for _ in range(3):
            if self.ask(self._valid("OPTIONS", call_id, self._count), call_id, timeout_s / 3) is not None:
                return True
        return False

    def call(self, user: str = "caller") -> bool:
        """Call the handset, and say whether it has answered; the call is then the dialog that messages refer to."""
        self._count += 1
        call_id = f"call-{self._count}"
        body = SDP.format(media_port=self._media.getsockname()[1])
        answer = self.ask(self._valid("INVITE", call_id, self._count, user=user, body=body), call_id)
        if answer is None or not answer.startswith("SIP/2.0 200"):
            return False
        tag = re.search(r"^To:.*;tag=([^\s;]+)", answer, re.MULTILINE)
        media_port = re.search(r"^m=audio (\d+)", answer, re.MULTILINE)
        if tag is None or media_port is None:
            return False
        self._dialog = {"call_id": call_id, "local_tag": call_id, "remote_tag": tag.group(1)}
        self.media_target = ("127.0.0.1", int(media_port.group(1)))
        self._send_valid(self._valid("ACK", call_id, self._count, user=user))
        return True

    def refer(self) -> str:
        """Ask the handset, in the call or what was one, to call somebody else, and return its answer's first line."""
        self._count += 1
        call_id = self._dialog["call_id"]
        request = self._valid("REFER", call_id, self._count)
        answer = self.ask(request.replace("Max-Forwards", "Refer-To: <sip:600@localhost>\r\nMax-Forwards"), call_id)
        return answer.partition("\r\n")[0] if answer is not None else ""

    def is_in_call(self) -> bool:
        """Say whether the handset still knows the call and takes requests in it."""
        if not self._dialog:
            return False
        self._count += 1
        call_id = self._dialog["call_id"]
        answer = self.ask(self._valid("OPTIONS", call_id, self._count), call_id, 2)
        # The library has nothing to say to an OPTIONS within a call and answers 500; with other words where a malformed
        # message has raised the dialog's count beyond ours, and 481 where the call is gone.
        status = answer.partition("\r\n")[0] if answer is not None else "481"
        return " 481 " not in status and "CSeq" not in status

    def send_media(self, data: bytes) -> None:
        """Send something to where the handset takes audio."""
        if self.media_target is not None:
            with suppress(OSError):
                self._media.sendto(data, self.media_target)

    def send_control(self, data: bytes) -> None:
        """Send something to where the handset takes RTCP."""
        if self.media_target is not None:
            with suppress(OSError):
                self._media.sendto(data, (self.media_target[0], self.media_target[1] + 1))

    def _valid(self, method: str, call_id: str, number: int, *, user: str = "caller", body: str = "") -> str:
        in_dialog = self._dialog.get("call_id") == call_id
        to_tag = f";tag={self._dialog['remote_tag']}" if in_dialog else ""
        content = (
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n" if body else "Content-Length: 0\r\n"
        )
        return (
            f"{method} sip:alice@127.0.0.1:{self.target_port} SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport} 127.0.0.1:{self.port};rport;branch=z9hG4bK{method}{call_id}{number}\r\n"
            f"From: <sip:{user}@localhost>;tag={call_id}\r\nTo: <sip:alice@localhost>{to_tag}\r\nCall-ID: {call_id}\r\n"
            f"CSeq: {number} {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:fuzz@127.0.0.1:{self.port};transport={self.transport.lower()}>\r\n{content}\r\n{body}"
        )

    def _send_valid(self, text: str) -> None:
        if self._udp is not None:
            self._udp.sendto(text.encode(), ("127.0.0.1", self.target_port))
        elif self._connection is not None:
            with suppress(OSError):
                self._connection.sendall(text.encode())

    def _final(self, send: Callable[[], None], call_id: str, timeout_s: float) -> str | None:
        def found() -> str | None:
            return next(
                (a for a in self.answers if f"\r\nCall-ID: {call_id}\r\n" in a and not a.startswith("SIP/2.0 1")), None
            )

        with self._arrived:
            for answer in [a for a in self.answers if f"\r\nCall-ID: {call_id}\r\n" in a]:
                self.answers.remove(answer)
        send()
        with self._arrived:
            return self._arrived.wait_for(found, timeout_s)

    # --- receiving ----------------------------------------------------------------------------------------------------

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve_udp(self) -> None:
        udp = self._udp
        assert udp is not None
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                data, source = udp.recvfrom(_BUFFER)
                self._take(data, lambda answer, to=source: udp.sendto(answer, to))  # type: ignore[misc]

    def _serve_tcp(self) -> None:
        assert self._listener is not None
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                connection = self._listener.accept()[0]
                connection.settimeout(0.2)
                self._connection = connection
                self._start(lambda connection=connection: self._serve_connection(connection))  # type: ignore[misc]

    def _serve_connection(self, connection: socket.socket) -> None:
        buffer = b""
        while not self._stopping.is_set():
            try:
                data = connection.recv(_BUFFER)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            buffer = self._take_all(buffer + data, connection.sendall)

    def _take_all(self, buffer: bytes, answer: Callable[[bytes], object]) -> bytes:
        """Take the messages out of a stream and return what is left of it."""
        while b"\r\n\r\n" in buffer:
            head, _, rest = buffer.lstrip(b"\r\n").partition(b"\r\n\r\n")
            length = re.search(rb"^(?:Content-Length|l)\s*:\s*(\d+)", head, re.IGNORECASE | re.MULTILINE)
            size = int(length.group(1)) if length else 0
            if len(rest) < size:
                break
            buffer = rest[size:]
            with suppress(OSError):
                self._take(head + b"\r\n\r\n" + rest[:size], answer)
        return buffer

    def _take(self, data: bytes, answer: Callable[[bytes], object]) -> None:
        text = data.decode(errors="replace")
        headers = {_name(name): value for name, value in reversed(_HEADER.findall(text))}
        if text.startswith("SIP/2.0"):
            with self._arrived:
                self.answers.append(text)
                self._arrived.notify_all()
            if headers.get("CSeq", "").endswith("INVITE") and not text.startswith("SIP/2.0 1"):
                self._acknowledge(text, headers, answer)
            return
        method = text.split(" ", 1)[0]
        if method == "ACK" or not {"Via", "From", "To", "Call-ID", "CSeq"} <= headers.keys():
            return
        self._request = headers
        if method in {"INVITE", "REGISTER"}:
            while self.answers_first and (method == "INVITE" or len(self.answers_first) % 2):
                malformed = self.answers_first.popleft().make(self.context, Kind.RESPONSE)
                if self.transport == "UDP":
                    answer(malformed)
                else:
                    self.send([malformed])
        if method == "INVITE" and self.answers_to_invite:
            for status, tag, body in self.answers_to_invite:
                to = f"{headers['To'].partition(';tag=')[0]};tag={tag}"
                answer((
                    f"SIP/2.0 {status} Fuzz\r\nVia: {headers['Via']}\r\nFrom: {headers['From']}\r\nTo: {to}\r\n"
                    f"Call-ID: {headers['Call-ID']}\r\nCSeq: {headers['CSeq']}\r\n"
                    f"Contact: <sip:fuzz@127.0.0.1:{self.port}>\r\nContent-Type: application/sdp\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}"
                ).encode())  # fmt: skip
            return
        code = {"INVITE": "486 Busy Here", "BYE": "200 OK", "REGISTER": "200 OK"}.get(method, "200 OK")
        to = headers["To"] if ";tag=" in headers["To"] else f"{headers['To']};tag=server"
        contact = (
            f"Contact: {headers['Contact']};expires=300\r\n" if method == "REGISTER" and "Contact" in headers else ""
        )
        answer((
            f"SIP/2.0 {code}\r\nVia: {headers['Via']}\r\nFrom: {headers['From']}\r\nTo: {to}\r\n"
            f"Call-ID: {headers['Call-ID']}\r\nCSeq: {headers['CSeq']}\r\n{contact}Content-Length: 0\r\n\r\n"
        ).encode())  # fmt: skip

    def _acknowledge(self, text: str, headers: dict[str, str], answer: Callable[[bytes], object]) -> None:
        """End what an INVITE began, most of the time: without this the handset keeps it for 32 s."""
        if (
            not {"Via", "From", "To", "Call-ID"} <= headers.keys()
            or zlib.crc32(headers["Call-ID"].encode()) % _FORGETFUL == 0
        ):
            return
        number = headers["CSeq"].split(" ")[0]
        accepted = text.startswith("SIP/2.0 2")
        # The call that is the dialog has its own ACK, and lasts.
        if accepted and headers["Call-ID"].startswith("call-"):
            return
        for method in ("ACK", "BYE") if accepted else ("ACK",):
            # An ACK to a refusal belongs to the INVITE's transaction, all else to one of its own.
            via = headers["Via"] + (f"{method}" if accepted else "")
            count = int(number) + (method == "BYE") if number.isdigit() else 1
            answer((
                f"{method} sip:alice@127.0.0.1:{self.target_port} SIP/2.0\r\nVia: {via}\r\nFrom: {headers['From']}\r\n"
                f"To: {headers['To']}\r\nCall-ID: {headers['Call-ID']}\r\nCSeq: {count} {method}\r\n"
                "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            ).encode())  # fmt: skip

    def _echo_media(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                packet, source = self._media.recvfrom(2048)
                if len(packet) > _RTP_HEADER:
                    self.heard_media.set()
                    # Under our own source number (RFC 3550 section 8.2: one's own coming back is a loop).
                    self._media.sendto(packet[:8] + b"FUZZ" + packet[_RTP_HEADER:], source)


def _name(name: str) -> str:
    return {"call-id": "Call-ID", "cseq": "CSeq"}.get(name.lower(), name.title())
