"""What is left of a holder who has gone, as a file outside the store, and what is said where nobody confirms."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contract.consent import Actor, Channel
from contract.messages import Topic
from firmware.base.durable import replace_durably, sync_folder
from firmware.base.errors import StorageError
from firmware.phone.events import Event
from firmware.phone.news import Problem, ProblemRaised
from firmware.ports.outbox import OutboxKey
from firmware.privacy.consent import LedgerAction
from firmware.settings.broker import Credential
from firmware.store.consents import Consents
from provisioning.broker import Sync

_log = logging.getLogger(__name__)

TOMBSTONE_NAME: Final = "tombstone.json"
UNTOLD_NAME: Final = "untold"
"""Marks that recipients were not told, or did not confirm in time; until that stands in the ledger."""


class Parting(BaseModel):
    """A message that is still to be carried; an empty payload clears what the broker keeps for the topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: Topic
    epoch: Annotated[int, Field(ge=0)]
    seq: Annotated[int, Field(ge=0)]
    payload: dict[str, Any]
    with_broker: bool = False

    @property
    def key(self) -> OutboxKey:
        return OutboxKey(self.epoch, self.seq)


class Tombstone(BaseModel):
    """What is left of a holder who has gone, until recipients have been told.

    Attributes:
        device, fleet: what the handset was called.
        sync: the broker, and the files of the credential that it takes.
        credential: what was in those files; None where they are read when they are needed.
        partings: what is still to be said.
        written_at: when, in seconds since the epoch; None where no time service has kept the clock right since.
        ran_s: for how long the handset has tried since.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    fleet: str
    sync: Sync
    credential: Credential | None = None
    partings: tuple[Parting, ...]
    written_at: float | None = None
    ran_s: float = 0.0


def write_tombstone(path: Path, tombstone: Tombstone) -> None:
    """Write it durably, in place of the one before; waits for the card.

    Raises:
        OSError: the card cannot be written.
    """
    replace_durably(path, tombstone.model_dump_json().encode())


def bury(path: Path) -> None:
    """Delete it for good; waits for the card."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def mark_untold(state_dir: Path) -> None:
    """Note durably that recipients were not told; display and ledger say so.

    Raises:
        OSError: the card cannot be written.
    """
    replace_durably(state_dir / UNTOLD_NAME, b"")


def take_up_tombstone(path: Path) -> Tombstone | None:
    """Return it, None where there is none; one that makes no sense is buried, and it is noted that nobody was told.

    Raises:
        OSError: the card cannot be read, or not be written.
    """
    try:
        return Tombstone.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        # Other firmware may have written it, or the card has lost it: it must not stand in the way of the next one.
        _log.error("What is to be told of the last holder's going makes no sense: %d mistakes", error.error_count())
        mark_untold(path.parent)
        bury(path)
        return None


async def tell_untold(state_dir: Path, consents: Consents | None, post: Callable[[Event], None]) -> None:
    """Say it where it is so: on the display, and once in the ledger, as soon as there is one that can be written.

    A power cut right after the entry was written has it written once more.

    Args:
        state_dir: where the mark is.
        consents: the ledger; None where there is none.
        post: tells the phone.
    """
    mark = state_dir / UNTOLD_NAME
    if not await asyncio.to_thread(mark.exists):
        return
    post(ProblemRaised(Problem.RECIPIENTS_UNTOLD))
    if consents is None:
        return
    try:
        await consents.append(LedgerAction.RECIPIENT_SILENT, "last-holder", Actor.POLICY, Channel.NETWORK)
        await asyncio.to_thread(mark.unlink)
        await asyncio.to_thread(sync_folder, state_dir)
    except (StorageError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        _log.warning("That recipients did not confirm is not in the ledger yet: %s", reason)
