"""What handsets say of themselves: that they are there, what their holders agree to, what became of a message.

Each collector sees all of it but for outcomes, in one order, so that each ends with the newest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, bindparam, delete, select, tuple_, update

from contract.messages import MAX_REQUESTS, ConsentMessage, OutcomeMessage, RequestStatement
from firmware.privacy.rights import WORKING_DAYS
from firmware.privacy.working_days import MONDAY_TO_FRIDAY
from fleet.collector.erasing import known_epochs
from fleet.collector.quarantine import Sender
from fleet.collector.tables import consents, devices, epochs, outcomes, publications, purposes, requests
from fleet.collector.upsert import insert_or
from fleet.publications import Publication

SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when a handset was heard of last."""

UNKNOWN: Final = "unknown"
"""The state of a handset that has not said whether it is there."""


@dataclass(slots=True)
class GivenBack:
    """Of some handsets, those that a holder gave back.

    Attributes:
        retired: have no holder yet.
        forgotten_at: when everything of the last holder was deleted.
    """

    retired: set[Sender] = field(default_factory=set)
    forgotten_at: dict[Sender, datetime] = field(default_factory=dict)


def note_seen(
    connection: Connection, senders: Iterable[Sender], states: Mapping[Sender, str], now: datetime
) -> GivenBack:
    """Write down that handsets were heard of, and what they last said of being there."""
    wanted = sorted({*senders, *states})
    if not wanted:
        return GivenBack()
    names = [(sender.fleet, sender.device) for sender in wanted]
    known = {
        Sender(row.fleet, row.device): row
        for row in connection.execute(select(devices).where(tuple_(devices.c.fleet, devices.c.device).in_(names)))
    }
    unseen = [
        {"fleet": sender.fleet, "device": sender.device, "first_seen_at": now, "last_seen_at": now, "state": UNKNOWN,
         "state_since": now}
        for sender in wanted
        if sender not in known or known[sender].last_seen_at < now - SEEN_EVERY
    ]  # fmt: skip
    if unseen:
        statement = insert_or(connection, devices)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(devices.primary_key),
                set_={"last_seen_at": statement.excluded.last_seen_at},
            ),
            unseen,
        )
    changed = [
        {"of_fleet": sender.fleet, "of_device": sender.device, "now": now, "to": state}
        for sender, state in sorted(states.items())
        if sender not in known or known[sender].state != state
    ]
    if changed:
        connection.execute(
            update(devices)
            .where(devices.c.fleet == bindparam("of_fleet"), devices.c.device == bindparam("of_device"))
            .values(state=bindparam("to"), state_since=bindparam("now")),
            changed,
        )
    return GivenBack(
        {sender for sender, row in known.items() if row.retired_at is not None},
        {sender: row.forgotten_at for sender, row in known.items() if row.forgotten_at is not None},
    )


def note_holder(connection: Connection, senders: Iterable[Sender]) -> None:
    """Write down that handsets have a holder again."""
    for sender in sorted(senders):
        connection.execute(update(devices).where(*_of(devices, sender)).values(retired_at=None))


def stored_consents(connection: Connection, senders: Iterable[Sender]) -> dict[Sender, tuple[int, int]]:
    """Return the numbers (epoch, seq) of the states of consent that are there, of those handsets that have one."""
    names = sorted({(sender.fleet, sender.device) for sender in senders})
    if not names:
        return {}
    columns = (consents.c.fleet, consents.c.device, consents.c.epoch, consents.c.seq)
    found = connection.execute(select(*columns).where(tuple_(consents.c.fleet, consents.c.device).in_(names)))
    return {Sender(fleet, device): (epoch, seq) for fleet, device, epoch, seq in found}


def keep_consent(connection: Connection, sender: Sender, message: ConsentMessage, now: datetime) -> bool:
    """Take a handset's state of consent; False where it is a former holder's."""
    if known_epochs(connection, sender).get(message.epoch, False):
        return False
    mine = {"fleet": sender.fleet, "device": sender.device}
    _replace(
        connection,
        consents,
        [
            mine
            | {
                "policy_version": message.policy_version,
                "ledger_entries": message.ledger_entries,
                "ledger_head": message.ledger_head,
                "ledger_intact": message.ledger_intact,
                "epoch": message.epoch,
                "seq": message.seq,
                "received_at": now,
            }
        ],
    )
    connection.execute(insert_or(connection, epochs).on_conflict_do_nothing(), [mine | {"epoch": message.epoch}])
    _replace(
        connection,
        purposes,
        [
            mine
            | {
                "purpose": answer.purpose.value,
                "granted": answer.granted,
                "since": None if answer.since is None else datetime.fromisoformat(answer.since),
            }
            for answer in sorted(message.purposes, key=lambda answer: answer.purpose.value)
        ],
    )
    # The newest says it all: a yes that it does not repeat is none.
    told = [answer.purpose.value for answer in message.purposes]
    connection.execute(delete(purposes).where(*_of(purposes, sender), purposes.c.purpose.not_in(told)))
    _keep_requests(connection, sender, message, now)
    return True


def clear_consent(connection: Connection, sender: Sender, now: datetime) -> None:
    """Forget a state of consent that the broker keeps no more; what was asked for is with nobody any more."""
    connection.execute(delete(consents).where(*_of(consents, sender)))
    connection.execute(delete(purposes).where(*_of(purposes, sender)))
    connection.execute(
        update(requests).where(*_of(requests, sender), requests.c.closed_at.is_(None)).values(closed_at=now)
    )


def keep_outcome(connection: Connection, sender: Sender, message: OutcomeMessage, now: datetime) -> None:
    """Take what became of a message of the operator's; once, and none of a former holder's."""
    if known_epochs(connection, sender).get(message.epoch, False):
        return
    connection.execute(
        insert_or(connection, outcomes).on_conflict_do_nothing(),
        [
            {
                "fleet": sender.fleet,
                "device": sender.device,
                "epoch": message.epoch,
                "seq": message.seq,
                "message": message.message,
                "code": message.code.value,
                "received_at": now,
            }
        ],
    )


def keep_publication(connection: Connection, fleet: str, publication: Publication) -> None:
    """Take what an operator says of a message."""
    _replace(
        connection,
        publications,
        [
            {
                "fleet": fleet,
                "message": publication.message,
                "kind": publication.kind.value,
                "name": publication.name,
                "published_at": datetime.fromisoformat(publication.published_at),
            }
        ],
    )


def _keep_requests(connection: Connection, sender: Sender, message: ConsentMessage, now: datetime) -> None:
    """Note what is open, and close what is not among that any more."""
    listed = [request.number for request in message.requests]
    missing = and_(*_of(requests, sender), requests.c.closed_at.is_(None), requests.c.number.not_in(listed))
    if len(listed) == MAX_REQUESTS:
        # Those that are due later may have found no room; whose day is not known is due last.
        days = [date.fromisoformat(request.due) if request.due else date.max for request in message.requests]
        missing = and_(missing, requests.c.due < max(days))
    connection.execute(update(requests).where(missing).values(closed_at=now))
    # A handset that does not know the day yet does not move the one that was counted here.
    for is_dated in (True, False):
        _write_requests(
            connection, sender, [each for each in message.requests if (each.due is not None) is is_dated], now
        )


def _write_requests(connection: Connection, sender: Sender, told: Sequence[RequestStatement], now: datetime) -> None:
    if not told:
        return
    statement = insert_or(connection, requests)
    changing = ("kind", "epoch", "objected") + (("due",) if told[0].due is not None else ())
    provisional = MONDAY_TO_FRIDAY.after(now.date(), WORKING_DAYS)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(requests.primary_key),
            set_={"closed_at": None, **{name: statement.excluded[name] for name in changing}},
        ),
        [
            {
                "fleet": sender.fleet,
                "device": sender.device,
                "number": request.number,
                "kind": request.kind.value,
                "epoch": request.epoch,
                "due": provisional if request.due is None else date.fromisoformat(request.due),
                "objected": request.objected,
                "first_seen_at": now,
            }
            for request in sorted(told, key=lambda request: request.number)
        ],
    )


def _replace(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    statement = insert_or(connection, table)
    keys = {column.name for column in table.primary_key}
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=others), list(rows))


def _of(table: Table, sender: Sender) -> tuple[Any, ...]:
    return (table.c.fleet == sender.fleet, table.c.device == sender.device)
