"""A process that opens a copy of the holder's data and can do nothing else: `python -m firmware.services.restore`.

Its arguments are the descriptors of the copy and, where that is encrypted, of its key; standard input brings the words
that open the key. It answers with lines of firmware.services.restore.lines, and by its exit code with a Failure. The
copy is read twice: nothing is said of it before all of it was found to be what its manifest says, and nothing that was
decrypted is ever on the card. Whatever a copy does to this process, the call that runs meanwhile is not in it.
"""

import hashlib
import logging
import os
import re
import resource
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO, Final, cast

from pydantic import BaseModel, Field, ValidationError
from pyrage import DecryptError, decrypt_io, passphrase, x25519

from firmware.base.shut_in import shut_in
from firmware.services.restore.lines import FORMAT, Failure, ProgressLine
from firmware.services.restore.reader import CopyReader, FileLeftOutError

_NICENESS: Final = 15
_MOST_WORDS_BYTES: Final = 1024
_MOST_KEY_BYTES: Final = 4096
_MOST_FILES: Final = 200_000
_MOST_FILE_BYTES: Final = 1 << 30
_MEGABYTE: Final = 1024 * 1024
_LIMITS: Final = {
    resource.RLIMIT_AS: 2048 * _MEGABYTE,
    resource.RLIMIT_CPU: 3600,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NOFILE: 16,
}
_MOST_WORK: Final = 20
"""What age asks of a passphrase takes 2^20 KiB of memory then; more is asked by nobody but whoever means harm."""
_MOST_TRIES: Final = 20
_TOO_MUCH_WORK: Final = "Excessive work"
_WORK: Final = re.compile(rb"\Aage-encryption\.org/v1\n-> scrypt \S+ ([0-9]{1,2})\n")


class CopyError(Exception):
    """The copy is not read; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.name)
        self.failure = failure


class _File(BaseModel):
    name: str = Field(max_length=200)
    size_bytes: int = Field(ge=0, le=_MOST_FILE_BYTES)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}\z")


class _Manifest(BaseModel):
    """What a copy says of itself in the end; what it says beside this is for people."""

    format: int = Field(ge=1)
    files: tuple[_File, ...] = Field(max_length=_MOST_FILES)


def main() -> int:
    """Read the copy; the exit code says what came of it."""
    logging.disable()
    shut_in(0, _LIMITS)
    words = sys.stdin.buffer.readline(_MOST_WORDS_BYTES).decode(errors="replace").rstrip("\n")
    try:
        copy = os.fdopen(int(sys.argv[1]), "rb")
        identity = _identity(os.fdopen(int(sys.argv[2]), "rb"), words) if len(sys.argv) > 2 else None  # noqa: PLR2004
        # Not before: how much work is too much is measured, and whoever stands back is slow.
        os.nice(_NICENESS)
        known = _verified(lambda: _stream(copy, identity))
        _tell(_stream(copy, identity), known)
    except CopyError as error:
        return error.failure
    except (OSError, EOFError, tarfile.TarError):
        return Failure.DAMAGED
    return 0


def _identity(file: BinaryIO, words: str) -> x25519.Identity:
    """Open the key of a copy by its words."""
    file.seek(0)
    sealed = file.read(_MOST_KEY_BYTES)
    found = _WORK.match(sealed)
    if found is None or int(found[1]) > _MOST_WORK:
        raise CopyError(Failure.NOT_A_COPY)
    opened = _decrypted(sealed, words)
    try:
        return x25519.Identity.from_str(opened.decode().strip())
    except Exception:  # noqa: BLE001 - whatever the words have opened, it is no key
        raise CopyError(Failure.NOT_A_COPY) from None


def _decrypted(sealed: bytes, words: str) -> bytes:
    """Open what is sealed by words.

    The library measures each time how much work this machine does in a second, and refuses what would take long by
    that: in a busy moment also a copy whose work is within our own bound.
    """
    tries = 0
    while True:
        tries += 1
        try:
            opened: bytes = passphrase.decrypt(sealed, words)
        except DecryptError as error:
            if not str(error).startswith(_TOO_MUCH_WORK):
                raise CopyError(Failure.WRONG_WORDS) from None
            if tries == _MOST_TRIES:
                raise
        else:
            return opened


def _stream(copy: BinaryIO, identity: x25519.Identity | None) -> BinaryIO:
    """Return the archive from its beginning; what is encrypted is decrypted as it is read."""
    copy.seek(0)
    if identity is None:
        return copy
    taken, given = os.pipe()

    def decrypt() -> None:
        with os.fdopen(given, "wb") as pipe, suppress(Exception):
            # An end that comes too early is found by the archive, whose last file is its manifest.
            decrypt_io(copy, pipe, [identity])

    threading.Thread(target=decrypt, daemon=True).start()
    return os.fdopen(taken, "rb")


def _verified(begin: Callable[[], BinaryIO]) -> dict[str, _File]:
    """Read all of it once; return what its manifest says of each file, which is true."""
    found: dict[str, tuple[int, str]] = {}
    manifest = b""
    for name, size_bytes, content in _files(begin()):
        if manifest or name in found or len(found) > _MOST_FILES:
            raise CopyError(Failure.NOT_A_COPY)
        if name == "manifest.json":
            manifest = content.read(_MEGABYTE * 64)
        else:
            digest = hashlib.sha256()
            while part := content.read(_MEGABYTE):
                digest.update(part)
            found[name] = size_bytes, digest.hexdigest()
    if not manifest:
        raise CopyError(Failure.DAMAGED if found else Failure.NOT_A_COPY)
    try:
        said = _Manifest.model_validate_json(manifest)
    except ValidationError:
        raise CopyError(Failure.NOT_A_COPY) from None
    if said.format > FORMAT:
        raise CopyError(Failure.TOO_NEW)
    known = {each.name: each for each in said.files}
    if {name: (each.size_bytes, each.sha256) for name, each in known.items()} != found:
        raise CopyError(Failure.DAMAGED)
    return known


def _files(stream: BinaryIO) -> Iterator[tuple[str, int, BinaryIO]]:
    """Give each file of an archive with its size, in order; a link, a device or a folder is none of a copy's."""
    try:
        archive = tarfile.open(fileobj=stream, mode="r|")  # noqa: SIM115 - it ends with the process
    except tarfile.ReadError:
        raise CopyError(Failure.NOT_A_COPY) from None
    for entry in archive:
        content = archive.extractfile(entry) if entry.isreg() else None
        if content is None or entry.size > _MOST_FILE_BYTES:
            raise CopyError(Failure.NOT_A_COPY)
        yield entry.name, entry.size, cast("BinaryIO", content)
        # It would remember each of them.
        archive.members.clear()  # type: ignore[attr-defined]


def _tell(stream: BinaryIO, known: dict[str, _File]) -> None:
    """Say what is in it that comes back."""
    reader = CopyReader(_say)
    total = sum(each.size_bytes for each in known.values()) or 1
    done = left_out = 0
    for name, _, content in _files(stream):
        if name not in known:
            break
        try:
            reader.read(name, known[name].size_bytes, known[name].sha256, content)
        except FileLeftOutError:
            left_out += 1
        done += known[name].size_bytes
        _say(ProgressLine(percent=min(99, 100 * done // total)))
    reader.finish()
    _say(ProgressLine(percent=100, left_out=left_out + reader.left_out))


def _say(line: BaseModel) -> None:
    sys.stdout.write(line.model_dump_json() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
