"""What is deleted because its holder said so, and what may never come in again for the same reason."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, CursorResult, and_, delete, insert, select, union, update

from contract.messages import ErasureMessage, ErasureReason
from fleet.collector.database import insert_or_change
from fleet.collector.quarantine import Sender
from fleet.tables import (
    calls,
    consents,
    devices,
    epochs,
    erased_ranges,
    erasures,
    outcomes,
    purposes,
    requests,
)

LAST_NUMBER: Final = 2**53 - 1
"""The highest number that a message can have."""

_OF_A_HOLDER: Final = (calls, consents, purposes, requests, outcomes)
_WITH_EPOCHS: Final = (calls, consents, outcomes, epochs, erasures, erased_ranges)


def carry_out(connection: Connection, sender: Sender, notice: ErasureMessage, now: datetime) -> int:
    """Delete what a notice names and keep it from coming in; return how many records of calls that were.

    A notice that was carried out is not carried out again: a handset may have another holder by now.

    Args:
        connection: in a transaction that has the handset for itself.
        sender: the handset.
        notice: what it said.
        now: when it was received.
    """
    this = and_(*sender.owns(erasures), erasures.c.epoch == notice.epoch, erasures.c.seq == notice.seq)
    if connection.execute(select(erasures.c.seq).where(this)).first() is not None:
        return 0
    deleted = sum(_erase(connection, sender, each.epoch, each.first, each.last) for each in notice.records)
    if notice.cancelled:
        deleted += _forget(connection, sender, notice.epoch, now)
    elif notice.reason is ErasureReason.RESET:
        _forget_holder_of(connection, sender, {each.epoch for each in notice.records}, now)
    connection.execute(
        insert(erasures).values(
            **sender._asdict(),
            epoch=notice.epoch,
            seq=notice.seq,
            reason=notice.reason.value,
            cancelled=notice.cancelled,
            received_at=now,
            deleted=deleted,
        )
    )
    return deleted


def note_done(connection: Connection, notices: Iterable[tuple[Sender, ErasureMessage]], now: datetime) -> None:
    """Write down that nothing is left of what these name."""
    for sender, notice in notices:
        connection.execute(
            update(erasures)
            .where(
                *sender.owns(erasures),
                erasures.c.epoch == notice.epoch,
                erasures.c.seq == notice.seq,
                erasures.c.done_at.is_(None),
            )
            .values(done_at=now)
        )


def known_epochs(connection: Connection, sender: Sender) -> Mapping[int, bool]:
    """Return the epochs in which a handset has told of its consent: of each whether its holder has gone since."""
    rows = connection.execute(select(epochs.c.epoch, epochs.c.gone_at).where(*sender.owns(epochs)))
    return {epoch: gone_at is not None for epoch, gone_at in rows}


def _erase(connection: Connection, sender: Sender, epoch: int, first: int, last: int) -> int:
    """Delete records and keep their numbers out; ranges that touch become one."""
    mine = and_(*sender.owns(erased_ranges), erased_ranges.c.epoch == epoch)
    touching = and_(mine, erased_ranges.c.first <= last + 1, erased_ranges.c.last >= first - 1)
    found = connection.execute(select(erased_ranges.c.first, erased_ranges.c.last).where(touching)).all()
    connection.execute(delete(erased_ranges).where(touching))
    connection.execute(
        insert(erased_ranges).values(
            **sender._asdict(),
            epoch=epoch,
            first=min([first, *(row.first for row in found)]),
            last=max([last, *(row.last for row in found)]),
        )
    )
    return _rows(
        connection.execute(
            delete(calls).where(*sender.owns(calls), calls.c.epoch == epoch, calls.c.seq.between(first, last))
        )
    )


def _forget(connection: Connection, sender: Sender, epoch: int, now: datetime) -> int:
    """Delete everything of a handset; whatever of its epochs so far is still on its way does not come in.

    Epochs are drawn by lot at each start of a handset, so that another holder has none of these. One that nobody has
    heard of yet may be either's: see Reason.FORMER_HOLDER.
    """
    known = union(*(select(table.c.epoch).where(*sender.owns(table)) for table in _WITH_EPOCHS))
    gone = sorted({epoch, *connection.execute(known).scalars()})
    deleted = sum(_erase(connection, sender, each, 1, LAST_NUMBER) for each in gone)
    for table in _OF_A_HOLDER:
        connection.execute(delete(table).where(*sender.owns(table)))
    _note_gone(connection, sender, gone, now)
    connection.execute(update(devices).where(*sender.owns(devices)).values(retired_at=now, forgotten_at=now))
    return deleted


def _forget_holder_of(connection: Connection, sender: Sender, gone: Collection[int], now: datetime) -> None:
    """Delete what else than calls came in some epochs; of whoever has the handset since nothing."""
    for table in (consents, outcomes):
        connection.execute(delete(table).where(*sender.owns(table), table.c.epoch.in_(gone)))
    if connection.execute(select(consents.c.epoch).where(*sender.owns(consents))).first() is None:
        # These are of no epoch: they go with the state of consent that they came with.
        for table in (purposes, requests):
            connection.execute(delete(table).where(*sender.owns(table)))
    _note_gone(connection, sender, gone, now)


def _note_gone(connection: Connection, sender: Sender, gone: Iterable[int], now: datetime) -> None:
    """Let nothing of these epochs come in any more."""
    rows = [{**sender._asdict(), "epoch": each, "gone_at": now} for each in gone]
    insert_or_change(connection, epochs, rows, "gone_at")


def _rows(result: CursorResult[object]) -> int:
    return result.rowcount
