"""Whether the firmware that runs may yet be taken back, and the proof on a copy that it can migrate the store.

The firmware before cannot read a store that was migrated. So while firmware is tried, one that it would have to migrate
stays shut, and what can be known of it is found out on a copy (ADR 0122).
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from firmware.base.durable import shred
from firmware.base.errors import StorageError
from firmware.base.image import is_card
from firmware.store.database import Database, Migration

STATE: Final = Path("/run/wecall-update/state.json")
"""What root's service for updates says, from before the handset starts."""

COPY_SUFFIXES: Final = (".trial", ".trial-wal", ".trial.key-check")
"""What the copy and what belongs to it are called, after the store's name."""


class _State(BaseModel):
    """What the store needs to know of it."""

    model_config = ConfigDict(extra="ignore", strict=True)

    on_trial: bool


def is_on_trial(state: Path = STATE, *, on_card: bool | None = None) -> bool:
    """Tell whether the firmware that runs may yet be taken back.

    On a card of ours it may where nothing readable says otherwise: a store that stays shut opens later, and one that
    was migrated never goes back. `on_card` is whether this is one, as `is_card` says where it is left out.
    """
    try:
        return _State.model_validate_json(state.read_bytes()).on_trial
    except (OSError, ValidationError):
        return is_card() if on_card is None else on_card


def remove_copy(store: Path) -> None:
    """Overwrite and delete a copy of the store, where there is one: whatever is erased from the store stands there.

    Raises:
        StorageError: the disk is read-only or broken.
    """
    try:
        for copy in (store.with_name(store.name + suffix) for suffix in COPY_SUFFIXES):
            # A read-only disk refuses even to delete what is not there.
            if copy.exists():
                shred(copy)
    except OSError as error:
        raise StorageError(f"A copy of the store {store} cannot be deleted: {error.strerror}.") from error


def needs_migration(store: Path, key: bytes, migrations: Sequence[Migration]) -> bool:
    """Tell whether this firmware would migrate the store, which nobody has open; that it can is proved on a copy.

    Not a byte of the store itself is changed. Takes as long as it takes to copy, migrate and check the store.

    Raises:
        StorageError: it does not open, or a migration fails; nothing is left of the copy.
    """
    if Database(store, key).read_schema() >= len(migrations):
        return False
    copy = store.with_name(store.name + COPY_SUFFIXES[0])
    try:
        for suffix in ("", "-wal"):
            source = store.with_name(store.name + suffix)
            if source.exists():
                shutil.copy(source, copy.with_name(copy.name + suffix))
        database = Database(copy, key)
        database.open(migrations)
        try:
            database.check()
        finally:
            database.close()
    except OSError as error:
        raise StorageError(
            f"The store {store} cannot be copied to try its migration: {error.strerror}. Make room on the card."
        ) from error
    finally:
        remove_copy(store)
    return True
