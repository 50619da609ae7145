"""The ways in which bytes that somebody looks for may stand among others."""

import base64
import json
import re
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

_PACKED: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_MAX_UNPACKED_BYTES: Final = 1 << 16
_PIECE_BYTES: Final = 16
_FEWEST_BYTES: Final = 8


def disguises(secret: str | bytes) -> set[bytes]:
    """Return every form in which something may leave: as it is, in another encoding of text, escaped, or as letters.

    Each is as long as the secret at least, so that random bytes, keys and ids do not hold one by chance.
    """
    plain = secret.encode() if isinstance(secret, str) else secret
    assert len(plain) >= _FEWEST_BYTES, "random bytes may well hold something as short"
    forms = {plain}
    if isinstance(secret, str):
        forms |= {secret.encode("utf-16-le"), secret.encode("utf-16-be"), json.dumps(secret)[1:-1].encode()}
        forms |= {urllib.parse.quote(secret).encode(), urllib.parse.quote_plus(secret).encode()}
    forms.add("".join(f"%{byte:02x}" for byte in plain).encode())
    forms |= {text.encode() for text in (plain.hex(), plain.hex().upper(), plain.hex(":"))}
    # What base64 makes of it, six bits a letter, depends on where it begins; a letter at either end that holds bits of
    # a neighbour, too, is not the secret's own.
    for offset in range(3):
        begin, end = -(-8 * offset // 6), 8 * (offset + len(plain)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.add(encode(bytes(offset) + plain)[begin:end])
    return forms


def unpacked(content: bytes) -> Iterator[bytes]:
    """Return what stands compressed anywhere in it, by gzip or zlib."""
    for match in _PACKED.finditer(content):
        begin = content[match.start() : match.start() + _MAX_UNPACKED_BYTES]
        window = zlib.MAX_WBITS | (16 if begin.startswith(b"\x1f\x8b") else 0)
        try:
            yield zlib.decompressobj(window).decompress(begin, _MAX_UNPACKED_BYTES)
        except zlib.error:
            continue


def pieces_of(content: bytes, files: Iterable[bytes]) -> int:
    """Count how many places in some content hold a piece of a file, which begins at a multiple of its length there.

    Pieces with hardly a byte unlike another, such as the zeros of an empty page, are nobody's.
    """
    pieces = {
        file[start : start + _PIECE_BYTES]
        for file in files
        for start in range(0, len(file) - _PIECE_BYTES + 1, _PIECE_BYTES)
    }
    telling = {piece for piece in pieces if len(set(piece)) > _PIECE_BYTES // 2}
    return sum(content[start : start + _PIECE_BYTES] in telling for start in range(len(content) - _PIECE_BYTES + 1))
