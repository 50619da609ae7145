"""A SIP message in parts that can be broken one by one."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Context:
    """Where a message goes to and what it refers to.

    Attributes:
        host, port: ours, from which it is sent and where answers go.
        target_port: the handset's.
        transport: `UDP`, `TCP` or `TLS`.
        media_port: ours for audio.
        call_id, local_tag, remote_tag: of the dialog that is up, seen from us.
        sequence: the dialog's next number, seen from us.
        request: the headers of a request of the handset's that a response copies, by name.
    """

    port: int
    target_port: int
    host: str = "127.0.0.1"
    transport: str = "UDP"
    media_port: int = 9
    call_id: str = "no-dialog"
    local_tag: str = "none"
    remote_tag: str = "none"
    sequence: int = 2
    request: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Message:
    """Start line, header lines and body; a length is added when it is put together, unless there is one."""

    start: str
    headers: list[str]
    body: bytes = b""
    body_type: str = ""

    def to_bytes(self) -> bytes:
        """Put it together."""
        lines = [self.start, *self.headers]
        if self.body_type:
            lines.append(f"Content-Type: {self.body_type}")
        if not any(line.lower().startswith(("content-length", "l:")) for line in lines):
            lines.append(f"Content-Length: {len(self.body)}")
        # Lone surrogates stand for bytes that are no UTF-8.
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + self.body
