"""The copy of a bundle that is looked at: nobody else can write to it."""

import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Mapping
from typing import BinaryIO, Final

from contract.downlink import MAX_NETWORK_BUNDLE_BYTES
from contract.results import OutcomeCode
from firmware.base.errors import BundleError
from firmware.configuration.config_store import ConfigStore
from firmware.configuration.standing import BundleSource
from provisioning.bundle import MAX_BUNDLE_BYTES
from provisioning.lan import MOST_BUNDLE_BYTES

_OFFER_BYTES: Final = 16
_PIECE_BYTES: Final = 1 << 20
_RESERVE_BYTES: Final = 32_000_000
"""What a bundle leaves free on the card: calls are written there."""

_MOST_BYTES: Final[Mapping[BundleSource, int]] = {
    BundleSource.LAN: MOST_BUNDLE_BYTES,
    BundleSource.NETWORK: MAX_NETWORK_BUNDLE_BYTES,
}


class Draft:
    """One bundle that is coming in.

    Attributes:
        offer: what it goes by.
        path: where the copy is.
        digest: SHA-256 of the copy, once there is one.
    """

    def __init__(self, config_store: ConfigStore, source: BundleSource) -> None:
        self.offer = secrets.token_hex(_OFFER_BYTES)
        self.source = source
        self.path = config_store.draft_of(self.offer)
        self.digest = ""
        self._given_up = threading.Event()

    @property
    def is_attended(self) -> bool:
        """Whether somebody stands before the phone who sets it up."""
        return self.source in {BundleSource.STICK, BundleSource.LAN}

    def copy(self, file: BinaryIO, size_bytes: int) -> None:
        """Copy an open file as it is now, so many bytes at most, and close it; waits for the card.

        Where it is given up meanwhile, the copy ends as it is.

        Raises:
            OSError: the file cannot be read, or the card cannot be written.
        """
        digest, at = hashlib.sha256(), 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with file, os.fdopen(os.open(self.path, flags, 0o600), "wb") as copy:
            # Where its owner reads it does not matter: the offset of an open file is shared.
            while piece := os.pread(file.fileno(), min(_PIECE_BYTES, size_bytes - at), at):
                if self._given_up.is_set():
                    return
                copy.write(piece)
                digest.update(piece)
                at += len(piece)
            copy.flush()
            os.fsync(copy.fileno())
        self.digest = digest.hexdigest()

    def give_up(self) -> None:
        """Have no more of it copied; what is already copied stays until `drop`."""
        self._given_up.set()

    def drop(self) -> None:
        """Forget it."""
        self.path.unlink(missing_ok=True)


def check_room(config_store: ConfigStore, source: BundleSource, size_bytes: int, copies: int) -> None:
    """Make sure that a bundle may come in, of which so many copies are still to be written to the card.

    Raises:
        BundleError: it is too large, or there is no room for it.
    """
    most_bytes = _MOST_BYTES.get(source, MAX_BUNDLE_BYTES)
    if size_bytes > most_bytes:
        raise BundleError(f"A bundle has {most_bytes} bytes at most, and this one {size_bytes}.", OutcomeCode.TOO_LARGE)
    try:
        free_bytes = shutil.disk_usage(config_store.folder).free
    except OSError as error:
        raise BundleError(f"No bundle can be written to the card: {error.strerror}.") from error
    if free_bytes < copies * size_bytes + _RESERVE_BYTES:
        raise BundleError("There is no room on the card for this bundle.", OutcomeCode.NO_SPACE)
