"""Bundles that are coming in, piece by piece; a new one takes the place of one that nobody has finished."""

import errno
import hashlib
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import BinaryIO, Final

from contract.results import OutcomeCode
from firmware.base.errors import BundleError
from firmware.configuration.config_store import ConfigStore
from firmware.configuration.standing import BundleSource
from provisioning.bundle import MAX_BUNDLE_BYTES

_OFFER_BYTES: Final = 16
_RESERVE_BYTES: Final = 32_000_000
"""What a bundle leaves free on the card: calls are written there."""

_PATIENCE_S: Final = 30.0
"""For so long the next piece is waited for before others may come."""


class Draft:
    """One bundle that is coming in."""

    def __init__(self, offer: str, source: BundleSource, path: Path, size_bytes: int, file: BinaryIO) -> None:
        self.offer = offer
        self.source = source
        self.path = path
        self._left_bytes = size_bytes
        self._file = file
        self._sum = hashlib.sha256()
        self._written_at_s = time.monotonic()

    @property
    def by_stick(self) -> bool:
        """Whether somebody stands before the phone who has brought it."""
        return self.source is BundleSource.STICK

    @property
    def digest(self) -> str:
        """SHA-256 of what has come."""
        return self._sum.hexdigest()

    @property
    def is_coming(self) -> bool:
        """Whether pieces of it have come of late."""
        return time.monotonic() - self._written_at_s < _PATIENCE_S

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            BundleError: these are more than were said, or the card is full.
        """
        if len(data) > self._left_bytes:
            raise BundleError("More comes of this bundle than was said. Offer it again.")
        try:
            self._file.write(data)
        except (OSError, ValueError) as error:
            raise BundleError("The bundle cannot be written to the card. Is it full?") from error
        self._left_bytes -= len(data)
        self._sum.update(data)
        self._written_at_s = time.monotonic()

    def close(self) -> None:
        """Put it on the disk.

        Raises:
            BundleError: not all of it has come, or it cannot be written.
        """
        if self._left_bytes:
            raise BundleError(f"{self._left_bytes} bytes of this bundle have not come. Offer it again.")
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        except (OSError, ValueError) as error:
            raise BundleError("The bundle cannot be written to the card. Is it full?") from error

    def drop(self) -> None:
        """Forget it."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def open_draft(config_store: ConfigStore, source: BundleSource, size_bytes: int) -> Draft:
    """Make room for a bundle.

    Raises:
        BundleError: it is too large, or there is no room for it.
    """
    if size_bytes > MAX_BUNDLE_BYTES:
        raise BundleError(
            f"A bundle has {MAX_BUNDLE_BYTES} bytes at most, and this one {size_bytes}.", OutcomeCode.TOO_LARGE
        )
    offer = secrets.token_hex(_OFFER_BYTES)
    try:
        path = config_store.draft_of(offer)
        # Beside the bundle stands what is unpacked of it.
        if shutil.disk_usage(path.parent).free < 2 * size_bytes + _RESERVE_BYTES:
            raise BundleError("There is no room on the card for this bundle.", OutcomeCode.NO_SPACE)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        refusal = OutcomeCode.NO_SPACE if full else OutcomeCode.FAILED
        raise BundleError(f"No bundle can be written to the card: {error.strerror}.", refusal) from error
    return Draft(offer, source, path, size_bytes, os.fdopen(descriptor, "wb"))
