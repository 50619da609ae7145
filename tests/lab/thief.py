"""What somebody does who has the whole of a handset's card: looks for words in every byte, and tries every key."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlcipher3 import dbapi2

from firmware.base.errors import StorageError
from firmware.store.key_wrap import HostKeys, KeyWrap, StretchedPin
from firmware.store.sealed_files import SealedReader
from tests.lab.card import Card
from tests.lab.disguises import disguises, unpacked

_KEY_BYTES = 32
_BLOCK_BYTES = 4096
_WRAP = re.compile(rb'\{"board":[^{}]*(?:\{[^{}]*\}[^{}]*)?\}')


def _written_on(image: Path) -> bytes:
    """Return every block of an image that is not empty: most are, and each byte is looked through many times."""
    with image.open("rb") as file:
        return b"".join(block for block in iter(lambda: file.read(_BLOCK_BYTES), b"") if block.strip(b"\0"))


class Thief:
    """Knows how a handset works, and has its card and nothing else of it.

    Attributes:
        files: those that are on the card still.
    """

    def __init__(self, card: Card, loot: Path) -> None:
        """Copy everything off the card into a folder, so that it can be worked on."""
        self._image = _written_on(card.image)
        self._loot = loot
        self.files = loot / "files"
        with card.read() as folder:
            no_files = shutil.ignore_patterns("lost+found", "*.sock", "*.notify")
            shutil.copytree(folder, self.files, ignore=no_files, symlinks=True)

    # --- raw bytes ---

    def finds(self, words: Sequence[str]) -> list[str]:
        """Return which words stand anywhere on the card, in a file or not: as they are, encoded, or packed."""
        packed = b"".join(unpacked(self._image))
        return [word for word in words if any(form in self._image or form in packed for form in disguises(word))]

    # --- keys ---

    def credential(self) -> bytes | None:
        """Decrypt the store's credential with the host's secret, both from the card; None where that fails."""
        done = subprocess.run(
            ["systemd-creds", "decrypt", "--name=store-key", self.files / "etc/wecall/credentials/store-key", "-"],
            env={"SYSTEMD_CREDENTIAL_SECRET": str(self.files / "var/lib/systemd/credential.secret")},
            capture_output=True,
            check=False,
        )
        return done.stdout if done.returncode == 0 else None

    def secrets(self) -> list[bytes]:
        """Return everything on the card that may be a host's secret."""
        small = [path.read_bytes() for path in self.files.rglob("*") if path.is_file() and path.stat().st_size < 4096]
        credential = self.credential()
        found = [content for content in small if len(content) == _KEY_BYTES]
        return [*([credential] if credential is not None else []), *found]

    def wraps(self) -> list[KeyWrap]:
        """Return every file of keys that stands anywhere on the card, also those that were replaced."""
        found = []
        for match in _WRAP.finditer(self._image):
            try:
                found.append(KeyWrap.read(match[0]))
            except StorageError:
                continue
        return found

    def store_keys(self, pin: str | None = None, board: bytes | None = None) -> list[bytes]:
        """Return every key of a store that can be had with what is on the card, and with what the thief knows."""
        keys = self.secrets()
        for wrap in self.wraps():
            stretched: StretchedPin | None = wrap.stretch(pin) if pin is not None and "pin" in wrap.head else None
            for secret in self.secrets():
                try:
                    opened = wrap.open(HostKeys(secret, board), stretched)
                except StorageError:
                    continue
                keys += [key for key in (opened.current, opened.next) if key is not None]
        return keys

    # --- the store ---

    def reads(self, words: Sequence[str], keys: Sequence[bytes]) -> list[str]:
        """Return which words can be read from the store and the files beside it with any of these keys."""
        content = b"".join(part for key in keys for part in self._opened(key))
        return [word for word in words if word.encode() in content]

    def _opened(self, key: bytes) -> Iterator[bytes]:
        """Give all that can be read with a key; nothing where it is another store's."""
        store = next(self.files.rglob("store.db"), None)
        if store is None:
            return
        copy = self._loot / f"copy-{key.hex()[:8]}"
        copy.mkdir(exist_ok=True)
        for path in store.parent.glob("store.db*"):
            shutil.copy(path, copy)
        connection = dbapi2.connect(str(copy / store.name))
        try:
            connection.execute("PRAGMA cipher_log_level = none")
            connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    yield repr(row).encode()
            recordings = connection.execute("SELECT recording_id, sealing_key FROM recordings").fetchall()
        except dbapi2.Error:
            return
        finally:
            connection.close()
        for name, sealing_key in recordings:
            for path in store.parent.rglob(f"{name}*"):
                with path.open("rb") as file:
                    yield from SealedReader(file, sealing_key)
