"""The handset's own server turned hostile: it registers the handset, calls it, and sends it malformed messages."""

import re
import select
import socket
import ssl
import struct
import threading
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from tests.lab.certificates import IssuedCertificate
from tests.lab.fuzzer.corpus import Kind
from tests.lab.fuzzer.descriptions import SDP
from tests.lab.fuzzer.message import Context
from tests.lab.ports import free_port

if TYPE_CHECKING:
    from tests.lab.fuzzer.cases import Case

SERVER, STRANGER = "127.0.0.1", "127.0.0.9"
_HEADER: Final = re.compile(r"^(Via|From|To|Call-ID|CSeq|Contact)\s*:\s*(.*?)\r$", re.IGNORECASE | re.MULTILINE)
_BUFFER: Final = 65536
_RTP_HEADER: Final = 12
_SOURCE: Final = b"FUZZ"
_STREAM_S: Final = 3.0
_RECONNECT_S: Final = 90.0  # the handset waits 32 s for an answer to a registration
_EACH: Final = 9  # messages over a connection of their own; the handset's system keeps five connections waiting
_KEPT: Final = 30  # such connections that stay open for answers
_FORGETFUL: Final = 100
_DIGITS: Final = 20


class Stream:
    """A connection, which may be TLS and is then not to be read and written at once."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, data: bytes) -> None:
        """Send, if there is anybody to take it."""
        with self._lock, suppress(OSError):
            self._connection.sendall(data)

    def receive(self, wait_s: float) -> bytes | None:
        """Return what has come, nothing where nothing has, None where nothing can come any more."""
        try:
            if not select.select([self._connection], [], [], wait_s)[0]:
                return b""
            with self._lock:
                # The handset may wait for this before it says more.
                self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                return self._connection.recv(_BUFFER) or None
        except TimeoutError:
            return b""
        except (OSError, ValueError):
            return None

    def shut(self) -> None:
        """Let both ends see that it is over."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Free it."""
        self._connection.close()


class HostileServer:
    """Registrar, caller and fuzzer on loopback, over UDP, TCP or TLS.

    Attributes:
        port: where the handset finds it.
        host: what calls and malformed messages come from: the registrar's address or, past it, a stranger's.
        answers_first: malformed answers to send before the right one to the handset's next requests.
        answers_to_invite: well-formed answers (status, To tag, SDP) to the handset's INVITEs; without one it is busy.
    """

    def __init__(
        self, transport: str, *, past_registrar: bool = False, certificate: IssuedCertificate | None = None
    ) -> None:
        self.transport = transport.upper()
        self.host = STRANGER if past_registrar else SERVER
        kind = socket.SOCK_DGRAM if self.transport == "UDP" else socket.SOCK_STREAM
        self.port, self._own_port = free_port(kind), free_port(kind)
        self.target_port = 0
        self.answers_first: deque[Case] = deque()
        self.answers_to_invite: Sequence[tuple[int, str, str]] = ()
        self.heard_media = threading.Event()
        self.media_target: tuple[str, int] | None = None
        self.text_target: tuple[str, int] | None = None
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
        if self._tls is not None and certificate is not None:
            self._tls.load_cert_chain(*certificate)
        self._arrived = threading.Condition()
        self._awaited: dict[str, str] = {}
        self._stopping = threading.Event()
        self._sockets: list[socket.socket] = []
        self._udp: socket.socket | None = None
        self._flow: Stream | None = None
        self._kept: deque[tuple[Stream, bytes]] = deque()
        self._echoed = (0, 0)
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._threads: list[threading.Thread] = []
        self._count = 0
        self._dialog: dict[str, str] = {}
        self._request: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen."""
        self._media.bind((SERVER, 0))
        self._media.settimeout(0.2)
        self._sockets.append(self._media)
        for host, port in {(SERVER, self.port), (self.host, self._port)}:
            if self.transport == "UDP":
                udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
                udp.bind((host, port))
                udp.settimeout(0.2)
                self._sockets.append(udp)
                self._udp = udp if host == self.host else self._udp
                self._start(self._serve_udp, udp)
            else:
                listener = socket.create_server((host, port))
                listener.settimeout(0.2)
                self._sockets.append(listener)
                self._start(self._serve_streams, listener)
        self._start(self._echo_media)

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        for each in self._sockets:
            each.close()
        for stream, _ in self._kept:
            stream.close()

    @property
    def _port(self) -> int:
        return self.port if self.host == SERVER else self._own_port

    @property
    def context(self) -> Context:
        """What the next message to the handset refers to."""
        self._count += 1
        dialog = self._dialog
        return Context(
            self._port,
            self.target_port,
            self.host,
            self.transport,
            self._media.getsockname()[1],
            dialog.get("call_id", "no-dialog"),
            dialog.get("local_tag", "none"),
            dialog.get("remote_tag", "none"),
            self._count,
            self._request,
        )

    # --- sending ------------------------------------------------------------------------------------------------------

    def send(self, messages: Sequence[bytes]) -> None:
        """Send messages that may break the connection that they are sent over: over TCP on one of their own."""
        if self._udp is not None:
            for data in messages:
                with suppress(OSError):
                    self._udp.sendto(data, (SERVER, self.target_port))
        elif self._tls is not None:
            # The handset takes TLS over its own connection to the server only.
            for data in messages:
                self._connected().send(data)
        else:
            for first in range(0, len(messages), _EACH):
                self._send_apart(b"".join(messages[first : first + _EACH]))
            self._read_kept()

    def begin_ping(self, *, in_dialog: bool = False) -> str:
        """Send OPTIONS, within the call or not, and return what `ended` asks for."""
        self._count += 1
        call_id = self._dialog["call_id"] if in_dialog and self._dialog else f"ping-{self._count}"
        self._ask(self._valid("OPTIONS", call_id, self._count), call_id)
        return call_id

    def ended(self, call_id: str, timeout_s: float = 5) -> str | None:
        """Return the final answer to a valid request; over UDP all that was sent before it has been handled then."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._awaited[call_id], timeout_s)
            return self._awaited.pop(call_id) or None

    def ping(self) -> bool:
        """Say whether the handset answers."""
        for _ in range(5):
            if self.ended(self.begin_ping(), 2) is not None:
                return True
            # The ping may have been taken for the rest of a message that says that it is longer than it is.
            flow, self._flow = self._flow, None
            if flow is not None:
                flow.shut()
        return False

    def call(self, user: str = "caller", description: str = SDP) -> bool:
        """Call the handset, and say whether it has answered; the call is then the dialog that messages refer to."""
        self._count += 1
        call_id = f"call-{self._count}"
        body = description.format(media_port=self._media.getsockname()[1])
        self._ask(self._valid("INVITE", call_id, self._count, user=user, body=body), call_id)
        answer = self.ended(call_id)
        if answer is None or not answer.startswith("SIP/2.0 200"):
            return False
        tag = re.search(r"^To:.*;tag=([^\s;]+)", answer, re.MULTILINE)
        if tag is None or not self._found_media(answer):
            return False
        self._dialog = {"call_id": call_id, "local_tag": call_id, "remote_tag": tag.group(1)}
        self._send_valid(self._valid("ACK", call_id, self._count, user=user))
        return True

    def invitation(self, call_id: str) -> bytes:
        """Return a valid INVITE; the call ends as soon as the handset answers."""
        return self._valid("INVITE", call_id, 1, body=SDP.format(media_port=self._media.getsockname()[1])).encode()

    def send_request(
        self, method: str, *, in_call: bool, to: str = "", headers: str = "", content_type: str = "", body: str = ""
    ) -> None:
        """Send a request that differs from a valid one in these parts."""
        self._count += 1
        call_id = self._dialog["call_id"] if in_call else f"regression-{self._count}"
        text = self._valid(method, call_id, self._count, body=body.format(media_port=9)).replace(
            "Max-Forwards", f"{headers}Max-Forwards"
        )
        text = text.replace("sip:alice@localhost", to or "sip:alice@localhost")
        self._send_valid(text.replace("application/sdp", content_type or "application/sdp"))

    def refer(self) -> str:
        """Ask the handset, in the call or what was one, to call somebody else, and return its answer's first line."""
        self._count += 1
        call_id = self._dialog["call_id"]
        request = self._valid("REFER", call_id, self._count)
        self._ask(request.replace("Max-Forwards", "Refer-To: <sip:600@localhost>\r\nMax-Forwards"), call_id)
        return (self.ended(call_id) or "").partition("\r\n")[0]

    def is_in_call(self, answer: str | None = None) -> bool:
        """Say, from its answer to a ping within the call, whether the handset knows the call and takes requests in it.

        The library has nothing to say to an OPTIONS within a call and answers 500; with other words where a malformed
        message has raised the dialog's count beyond ours, and 481 where the call is gone.
        """
        if not self._dialog:
            return False
        if answer is None:
            answer = self.ended(self.begin_ping(in_dialog=True), 2) or "SIP/2.0 481 "
        status = answer.partition("\r\n")[0]
        return " 481 " not in status and "CSeq" not in status

    def send_media(self, data: bytes, *, in_stream: bool = False) -> None:
        """Send something to where the handset takes audio, and text.

        Args:
            data: what.
            in_stream: under the number, and near the time, of what came last of the stream; others are soon dropped.
        """
        if in_stream and len(data) > _RTP_HEADER:
            number, timestamp = self._echoed
            shift = int.from_bytes(data[4:6]) - 0x8000
            data = data[:2] + struct.pack("!HI", number, (timestamp + shift) % 2**32) + _SOURCE + data[_RTP_HEADER:]
        if self.media_target is not None:
            with suppress(OSError):
                self._media.sendto(data, self.media_target)
        if self.text_target is not None:
            with suppress(OSError):
                self._media.sendto(data, self.text_target)

    def send_control(self, data: bytes) -> None:
        """Send something to where the handset takes RTCP."""
        if self.media_target is not None:
            with suppress(OSError):
                self._media.sendto(data, (self.media_target[0], self.media_target[1] + 1))

    def _valid(self, method: str, call_id: str, number: int, *, user: str = "caller", body: str = "") -> str:
        dialog = self._dialog if self._dialog.get("call_id") == call_id else {}
        to_tag = f";tag={dialog['remote_tag']}" if dialog else ""
        content = (
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n" if body else "Content-Length: 0\r\n"
        )
        address = f"{self.host}:{self._port}"
        return (
            f"{method} sip:alice@{SERVER}:{self.target_port} SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport} {address};rport;branch=z9hG4bK{method}{call_id}{number}\r\n"
            f"From: <sip:{user}@localhost>;tag={dialog.get('local_tag', call_id)}\r\n"
            f"To: <sip:alice@localhost>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {number} {method}\r\n"
            f"Max-Forwards: 70\r\nContact: <sip:fuzz@{address};transport={self.transport.lower()}>\r\n"
            f"{content}\r\n{body}"
        )

    def _ask(self, text: str, call_id: str) -> None:
        self._awaited[call_id] = ""
        self._send_valid(text)

    def _send_valid(self, text: str) -> None:
        if self._udp is not None:
            self._udp.sendto(text.encode(), (SERVER, self.target_port))
        else:
            self._connected().send(text.encode())

    def _connected(self) -> Stream:
        """Return the connection for valid requests: the handset's own or, past the registrar, one to the handset."""
        # Its own is the better one, but it may take its time after a malformed answer to a registration.
        if self._flow is None and self._tls is None:
            self._flow = self._connect()
            self._start(self._serve, self._flow)
        with self._arrived:
            assert self._arrived.wait_for(lambda: self._flow, _RECONNECT_S), "the handset does not connect any more"
            assert self._flow is not None
            return self._flow

    def _connect(self) -> Stream:
        return Stream(socket.create_connection((SERVER, self.target_port), _STREAM_S, (self.host, 0)))

    def _send_apart(self, data: bytes) -> None:
        with suppress(OSError):
            stream = self._connect()
            stream.send(data)
            self._kept.append((stream, b""))

    def _read_kept(self) -> None:
        kept, self._kept = self._kept, deque()
        for stream, buffer in kept:
            data = stream.receive(0)
            if data is None:
                stream.close()
            else:
                self._kept.append((stream, self._take_all(buffer + data, stream.send)))
        while len(self._kept) > _KEPT:
            self._kept.popleft()[0].close()

    # --- receiving ----------------------------------------------------------------------------------------------------

    def _start(self, run: Callable[..., None], *argument: object) -> None:
        thread = threading.Thread(target=run, args=argument, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve_udp(self, udp: socket.socket) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                data, source = udp.recvfrom(_BUFFER)
                self._take(data, lambda answer, to=source: udp.sendto(answer, to))  # type: ignore[misc]

    def _serve_streams(self, listener: socket.socket) -> None:
        while not self._stopping.is_set():
            with suppress(OSError):
                connection = listener.accept()[0]
                connection.settimeout(_STREAM_S)
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                stream = Stream(connection)
                if self.host == SERVER:
                    with self._arrived:
                        self._flow = stream
                        self._arrived.notify_all()
                self._start(self._serve, stream)

    def _serve(self, stream: Stream) -> None:
        buffer = b""
        while not self._stopping.is_set() and (data := stream.receive(0.2)) is not None:
            buffer = self._take_all(buffer + data, stream.send) if data else buffer
        if self._flow is stream:
            self._flow = None
        stream.close()

    def _take_all(self, buffer: bytes, answer: Callable[[bytes], object]) -> bytes:
        """Take the messages out of a stream and return what is left of it."""
        while b"\r\n\r\n" in buffer:
            head, _, rest = buffer.lstrip(b"\r\n").partition(b"\r\n\r\n")
            length = re.search(rb"^(?:Content-Length|l)\s*:\s*(\d+)", head, re.IGNORECASE | re.MULTILINE)
            size = int(length.group(1)) if length else 0
            if len(rest) < size:
                break
            buffer = rest[size:]
            self._take(head + b"\r\n\r\n" + rest[:size], answer)
        return buffer

    def _take(self, data: bytes, answer: Callable[[bytes], object]) -> None:
        text = data.decode(errors="replace")
        headers = {_name(name): value for name, value in reversed(_HEADER.findall(text))}
        if text.startswith("SIP/2.0"):
            if text.startswith("SIP/2.0 1"):
                return
            with self._arrived:
                if headers.get("Call-ID") in self._awaited:
                    self._awaited[headers["Call-ID"]] = text
                    self._arrived.notify_all()
            if headers.get("CSeq", "").endswith("INVITE"):
                self._acknowledge(text, headers, answer)
            return
        method = text.split(" ", 1)[0]
        if method == "ACK" or not {"Via", "From", "To", "Call-ID", "CSeq"} <= headers.keys():
            return
        self._request = headers
        # A registration that is answered badly over the only connection keeps everything waiting.
        if method == "INVITE" or (method == "REGISTER" and self._tls is None):
            self._answer_badly(method, answer)
        if method == "INVITE" and self.answers_to_invite:
            self._accept(text, headers, answer)
            return
        code = {"INVITE": "486 Busy Here", "BYE": "200 OK", "REGISTER": "200 OK"}.get(method, "200 OK")
        contact = (
            f"Contact: {headers['Contact']};expires=300\r\n" if method == "REGISTER" and "Contact" in headers else ""
        )
        answer(_response(code, headers, "server", contact))

    def _answer_badly(self, method: str, answer: Callable[[bytes], object]) -> None:
        malformed = []
        while self.answers_first and (method == "INVITE" or len(self.answers_first) % 2):
            malformed.append(self.answers_first.popleft().make(self.context, Kind.RESPONSE))
        if malformed and self.transport == "TCP":
            self._send_apart(b"".join(malformed))
            return
        for each in malformed:
            answer(each)

    def _accept(self, text: str, headers: dict[str, str], answer: Callable[[bytes], object]) -> None:
        contact = f"Contact: <sip:fuzz@{SERVER}:{self.port};transport={self.transport.lower()}>\r\n"
        for status, tag, body in self.answers_to_invite:
            answer(
                _response(f"{status} Fuzz", headers, tag, contact, body.format(media_port=self._media.getsockname()[1]))
            )
            if status == 200 and (local := re.search(r";tag=([^\s;]+)", headers["From"])):
                self._dialog = {"call_id": headers["Call-ID"], "local_tag": tag, "remote_tag": local.group(1)}
        self._found_media(text)

    def _found_media(self, text: str) -> bool:
        port = re.search(r"^m=audio (\d+)", text, re.MULTILINE)
        if port is not None:
            self.media_target = (SERVER, int(port.group(1)))
            text_port = re.search(r"^m=text ([1-9]\d*)", text, re.MULTILINE)
            self.text_target = (SERVER, int(text_port.group(1))) if text_port is not None else None
        return port is not None

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
            count = int(number) + (method == "BYE") if number.isdigit() and len(number) < _DIGITS else 1
            answer((
                f"{method} sip:alice@{SERVER}:{self.target_port} SIP/2.0\r\nVia: {via}\r\nFrom: {headers['From']}\r\n"
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
                    self._echoed = struct.unpack_from("!HI", packet, 2)
                    self._media.sendto(packet[:8] + _SOURCE + packet[_RTP_HEADER:], source)


def _response(status: str, headers: dict[str, str], tag: str, contact: str, body: str = "") -> bytes:
    to = headers["To"] if ";tag=" in headers["To"] else f"{headers['To']};tag={tag}"
    content = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"SIP/2.0 {status}\r\nVia: {headers['Via']}\r\nFrom: {headers['From']}\r\nTo: {to}\r\n"
        f"Call-ID: {headers['Call-ID']}\r\nCSeq: {headers['CSeq']}\r\n{contact}{content}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _name(name: str) -> str:
    return {"call-id": "Call-ID", "cseq": "CSeq"}.get(name.lower(), name.title())
