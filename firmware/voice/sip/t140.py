"""Real-time text as it travels: T.140 in packets that repeat the ones before (RFC 4103, RFC 2198).

What comes is read strictly: whoever sends it may be anybody. Everything takes linear time and bounded room.
"""

import codecs
import re
import unicodedata
from collections import deque
from typing import Final

LOST: Final = "\ufffd"
"""Stands where text was lost or cannot be read (T.140 addendum 1, RFC 4103 section 5.4)."""
BACKSPACE: Final = "\b"
_NEW_LINE: Final = "\u2028"
WAIT_S: Final = 1.0
"""So long a packet that is missing is waited for (RFC 4103 section 5.4)."""
_MOST_BLOCK_BYTES: Final = 200
_MOST_OFFSET_MS: Final = 0x3FFF  # RFC 2198 section 3
_MOST_DEPTH: Final = 4  # a packet then has room on any line
_MOST_BLOCKS: Final = 17  # more than anybody repeats
_FARTHEST: Final = 64  # packets out of their order; whoever jumps farther has begun anew
_SEQUENCES: Final = 1 << 16
_MOST_PENDING_CHARACTERS: Final = 4000


class Sender:
    """What is typed, in packets each of which holds the ones before once more."""

    def __init__(self) -> None:
        self._kind = self._depth = 0
        self._text = ""
        # Newest last; each with how long ago it was sent, in ms.
        self._sent: deque[tuple[bytes, int]] = deque()

    def agree(self, kind: int, depth: int) -> None:
        """Take what was agreed on.

        Args:
            kind: the payload type of text.
            depth: how many packets each holds once more; 0 where the other end knows of none.
        """
        self._kind, self._depth = kind, min(depth, _MOST_DEPTH)
        self._sent = deque(self._sent, self._depth)

    def write(self, text: str) -> None:
        """Take text that is typed, with backspaces and line ends in it."""
        self._text = (self._text + text.replace("\n", _NEW_LINE))[-_MOST_PENDING_CHARACTERS:]

    @property
    def has_more(self) -> bool:
        """Something has yet to be sent, or once more."""
        return bool(self._text) or self.repeats_something

    @property
    def repeats_something(self) -> bool:
        """The next packet holds something once more: it comes after no silence."""
        return any(block for block, _ in self._sent)

    def packet(self, elapsed_ms: int) -> tuple[bytes, bool]:
        """Return the next packet's payload and whether it is redundancy.

        Args:
            elapsed_ms: since the packet before.
        """
        block, self._text = _first_characters(self._text)
        if not self._depth:
            return block, False
        self._sent = deque(((old, ago + elapsed_ms) for old, ago in self._sent), self._depth)
        missing = self._depth - len(self._sent)
        repeated = [(b"", 0)] * missing + [each if each[1] <= _MOST_OFFSET_MS else (b"", 0) for each in self._sent]
        headers = b"".join(
            (1 << 31 | self._kind << 24 | ago << 10 | len(old)).to_bytes(4) for old, ago in repeated
        ) + bytes([self._kind])
        self._sent.append((block, 0))
        return headers + b"".join(old for old, _ in repeated) + block, True


def _first_characters(text: str) -> tuple[bytes, str]:
    """Return as many whole characters as a block holds, and the rest."""
    count = size = 0
    for character in text:
        size += len(character.encode())
        if size > _MOST_BLOCK_BYTES:
            break
        count += 1
    return text[:count].encode(), text[count:]


class Receiver:
    """Text out of packets that come in any order, several times or not at all.

    Attributes:
        kind: the payload type of text, which redundancy must name.
    """

    def __init__(self) -> None:
        self.kind = 0
        self._next: int | None = None
        self._waiting: dict[int, bytes] = {}
        self._gap_since_s: float | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._reader = _Reader()

    @property
    def waits_until_s(self) -> float | None:
        """When what is missing is given up; None while nothing is."""
        return None if self._gap_since_s is None else self._gap_since_s + WAIT_S

    def take(self, sequence: int, payload: bytes, now_s: float, *, repeats: bool) -> str:
        """Take a packet; return what can be read now, with backspaces and line ends in it.

        Args:
            sequence: of its RTP header.
            payload: all behind the header.
            now_s: of a clock that never goes back.
            repeats: it is redundancy (RFC 2198), not text alone.
        """
        blocks = _blocks(payload, self.kind) if repeats else [payload]
        if not blocks:
            return ""
        text = ""
        first = sequence - len(blocks) + 1
        if self._next is None:
            self._next = first % _SEQUENCES
        elif _distance(self._next, sequence) not in range(-_FARTHEST, _FARTHEST):
            # Another sender, or the same begun anew.
            text = self._give_up()
            self._next = first % _SEQUENCES
        for place, block in enumerate(blocks):
            distance = _distance(self._next, first + place)
            if distance >= 0:
                self._waiting.setdefault((self._next + distance) % _SEQUENCES, block)
        return text + self._read_on(now_s)

    def wait_over(self, now_s: float) -> str:
        """Go on without what is missing where its time is over; return what can be read now."""
        if self.waits_until_s is None or now_s < self.waits_until_s or self._next is None:
            return ""
        expected = self._next
        self._next = min(self._waiting, key=lambda each: _distance(expected, each))
        self._gap_since_s = None
        return self._lose() + self._read_on(now_s)

    def _give_up(self) -> str:
        """Read what waits in its order, whatever is missing between."""
        text = ""
        while self._waiting:
            self._gap_since_s = 0.0
            text += self.wait_over(WAIT_S)
        return text

    def _lose(self) -> str:
        """Mark a gap; what was begun before it never ends."""
        self._decoder.reset()
        self._reader = _Reader()
        return LOST

    def _read_on(self, now_s: float) -> str:
        text = ""
        while self._next is not None and (block := self._waiting.pop(self._next, None)) is not None:
            text += self._reader.read(self._decoder.decode(block))
            self._next = (self._next + 1) % _SEQUENCES
        if not self._waiting:
            self._gap_since_s = None
        elif text or self._gap_since_s is None:
            self._gap_since_s = now_s
        return text


def _distance(origin: int, sequence: int) -> int:
    """Return how far a sequence number is behind another, below 0 where it comes before."""
    return (sequence - origin + _SEQUENCES // 2) % _SEQUENCES - _SEQUENCES // 2


def _blocks(payload: bytes, kind: int) -> list[bytes]:
    """Return the texts of a redundant packet, the oldest first; none where anything in it is wrong."""
    sizes: list[int] = []
    at = 0
    while at < len(payload) and payload[at] & 0x80 and len(sizes) < _MOST_BLOCKS:
        header = int.from_bytes(payload[at : at + 4])
        if at + 4 > len(payload) or payload[at] & 0x7F != kind:
            return []
        sizes.append(header & 0x3FF)
        at += 4
    if at >= len(payload) or payload[at] != kind or at + 1 + sum(sizes) > len(payload):
        return []
    at += 1
    blocks = []
    for size in sizes:
        blocks.append(payload[at : at + size])
        at += size
    return [*blocks, payload[at:]]


class _Reader:
    """Keeps of T.140 what a display can show: letters, line ends and backspaces.

    Bells, colours and other wishes about the presentation are dropped, with all that belongs to them (T.140 section 8).
    """

    _MOST_CONTROL: Final = 255
    _LINE_END: Final = re.compile("\r\n?|[\u2028\u2029]")

    def __init__(self) -> None:
        self._control = ""

    def read(self, text: str) -> str:
        kept = []
        for character in text:
            if self._control:
                self._go_on(character)
            elif character in "\x1b\x98\x9b":
                self._control = character
            elif unicodedata.category(character) == "Zs":
                kept.append(" ")
            elif character in "\b\r\n\u2028\u2029" or unicodedata.category(character)[0] != "C":
                kept.append(character)
        return self._LINE_END.sub("\n", "".join(kept))

    def _go_on(self, character: str) -> None:
        """Follow a control until it is over (ISO 6429: ESC with one character, CSI, and SOS up to ST)."""
        kind = self._control[0]
        is_begun = len(self._control) > 1
        if kind == "\x1b" and character == "[":
            self._control = "\x9b"
        elif (
            kind == "\x1b"
            or (kind == "\x98" and character == "\x9c")
            or (kind == "\x9b" and "\x40" <= character <= "\x7e")
            or (is_begun and len(self._control) > self._MOST_CONTROL)
        ):
            self._control = ""
        else:
            self._control += character
