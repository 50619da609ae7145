"""Recipients that did not confirm in time that they have forgotten a holder: the display and the next ledger say so."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from firmware.base.durable import sync_folder
from firmware.base.errors import StorageError
from firmware.phone.events import Event
from firmware.phone.news import Problem, ProblemRaised
from firmware.phone.purpose import Actor, Channel
from firmware.privacy.consent import LedgerAction
from firmware.services.account.tombstone import UNTOLD_NAME
from firmware.store.consents import Consents

_log = logging.getLogger(__name__)


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
