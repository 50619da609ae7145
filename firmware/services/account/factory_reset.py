"""Forgets all that the holder and the calls have left on the handset, whatever interrupts it.

A marker is written first, and the handset starts anew. Whoever starts and finds the marker does the erasing before the
store is opened, each step of which may be done again, and takes the marker away last. So a power cut leaves either a
handset as it was, or one that goes on erasing when it is back.

What the installer has set stays: the configuration and its last good copy, what bundles brought, the handset's own keys
for those, and a key that systemd provides. Contacts and pictures of a bundle that are not taken in yet go.
"""

import asyncio
import logging
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from contract.consent import Actor, Channel
from firmware.base.durable import overwrite, replace_durably, shred, sync_folder
from firmware.base.errors import StorageError
from firmware.configuration.config_store import ConfigStore
from firmware.configuration.loading import COUNTRY_NAME
from firmware.privacy.consent import LedgerAction
from firmware.services import exchange
from firmware.services.account.last_word import forget_last_word, leave_word_of_reset
from firmware.store.consents import Consents
from firmware.store.database import KEY_BYTES
from firmware.store.guardian_mark import GUARDED_NAME
from firmware.store.journal import JOURNAL_NAME
from firmware.store.key_wrap import CREDENTIAL_NAME
from firmware.store.keyring import OLD_WRAP_NAME, WRAP_NAME
from firmware.store.pictures import FOLDER_NAME as PICTURES_NAME
from firmware.store.pin import TRIES_NAME
from firmware.store.recordings import FOLDER_NAME as RECORDINGS_NAME
from firmware.store.store import RESERVE_SUFFIX
from firmware.store.trial import COPY_SUFFIXES

MARKER_NAME: Final = "factory-reset"
STORE_NAME: Final = "store.db"
REQUEST_NAME: Final = "reset-request"
"""The number that a signed document has to name, where somebody has asked for a reset without the PIN."""
KEY_NAME: Final = "store.key"
_STORE_SUFFIXES: Final = ("", "-wal", "-shm", "-journal", ".key-check", RESERVE_SUFFIX, *COPY_SUFFIXES)

_log = logging.getLogger(__name__)


def begin_reset(state_dir: Path) -> None:
    """Write the marker: from here on nothing but `finish_reset` comes of it.

    Raises:
        StorageError: it cannot be written, so nothing is erased.
    """
    try:
        replace_durably(state_dir / MARKER_NAME, b"")
    except OSError as error:
        raise StorageError(f"The factory reset cannot begin in {state_dir}: {error.strerror}.") from error


def finish_reset(state_dir: Path, environment: Mapping[str, str] = os.environ) -> bool:
    """Erase what a reset that was begun is to erase; return whether there was one. No store may be open.

    What recipients are to be told is written down first, as far as something ever left (last_word.py).

    The file of the store's key goes first: without it, what the card still holds of the store can be read by nobody. A
    secret that systemd provides is not ours to replace; then the store is overwritten before it is deleted, for whoever
    finds that file's bytes where the card has kept a copy of them.

    Files in the exchange folder that cannot be deleted keep no phone from going on: services/exchange.py marks them.

    Raises:
        StorageError: the card cannot be written; the marker stays, and the next start tries again.
    """
    marker = state_dir / MARKER_NAME
    if not marker.exists():
        return False
    try:
        leave_word_of_reset(state_dir)
        folder = environment.get("CREDENTIALS_DIRECTORY")
        key_stays = bool(folder) and Path(folder or "", CREDENTIAL_NAME).exists()
        for name in (WRAP_NAME, OLD_WRAP_NAME, f".{WRAP_NAME}.new"):
            shred(state_dir / name)
        sync_folder(state_dir)
        _shred_key(state_dir / KEY_NAME)
        for suffix in _STORE_SUFFIXES:
            _delete(state_dir / (STORE_NAME + suffix), overwritten=key_stays)
        for name in (JOURNAL_NAME, TRIES_NAME, COUNTRY_NAME, GUARDED_NAME, REQUEST_NAME):
            _delete(state_dir / name)
        for folder_of_files in (state_dir / PICTURES_NAME, state_dir / RECORDINGS_NAME):
            if folder_of_files.is_dir():
                # Their keys were in the store.
                for path in folder_of_files.iterdir():
                    _delete(path)
                folder_of_files.rmdir()
        # Contacts and pictures that a bundle brought were for the holder who goes.
        ConfigStore(state_dir).forget_bundles()
        forget_last_word(state_dir)
        # Last, since somebody else may have put it there so that it cannot be deleted: a phone starts all the same.
        exchange.forget_all(state_dir / exchange.FOLDER_NAME)
        sync_folder(state_dir)
        marker.unlink()
        sync_folder(state_dir)
    except OSError as error:
        raise StorageError(
            f"The factory reset cannot be finished in {state_dir}: {error.strerror}. It goes on at the next start."
        ) from error
    return True


def _shred_key(path: Path) -> None:
    """Put a new random key in the place of a key file, at once, and overwrite the old one's bytes on the disk."""
    with suppress(FileNotFoundError), path.open("r+b", buffering=0) as old:
        replace_durably(path, secrets.token_bytes(KEY_BYTES))
        overwrite(old.fileno())


def _delete(path: Path, *, overwritten: bool = False) -> None:
    if overwritten:
        shred(path)
    else:
        path.unlink(missing_ok=True)


class Resetting:
    """Begins the reset, which the next run finishes before it opens the store."""

    def __init__(self, state_dir: Path, consents: Consents | None, start_anew: Callable[[], None]) -> None:
        """Set up.

        Args:
            state_dir: where the store is.
            consents: the ledger; None where there is no store.
            start_anew: ends this run of the handset and begins another.
        """
        self._state_dir = state_dir
        self._consents = consents
        self._start_anew = start_anew

    async def begin(self, actor: Actor, channel: Channel) -> None:
        """Begin; the entry says who wanted it, wherever the store can be written.

        Raises:
            StorageError: the card cannot be written, so nothing is erased.
        """
        if self._consents is not None:
            try:
                await self._consents.append(LedgerAction.DEACTIVATE, "reset", actor, channel)
            except StorageError as error:
                # One that cannot be read is what some phones are reset for.
                _log.warning("The reset is not in the ledger: %s", error)
        await asyncio.to_thread(begin_reset, self._state_dir)
        _log.warning("A factory reset begins: the handset starts anew and forgets its holder")
        self._start_anew()
