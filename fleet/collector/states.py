"""What handsets say of themselves: that they are there, what their holders agree to, what became of a message.

Each collector sees all of it but for outcomes, in one order, so that each ends with the newest.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, bindparam, delete, select, tuple_, update

from contract.messages import MAX_REQUESTS, ConsentMessage, OutcomeMessage
from firmware.privacy.rights import MONDAY_TO_FRIDAY, WORKING_DAYS
from fleet.collector.database import insert_or, insert_or_change
from fleet.collector.erasing import known_epochs
from fleet.collector.quarantine import Sender
from fleet.publications import Publication
from fleet.tables import consents, devices, epochs, outcomes, publications, purposes, requests

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
    first = {"first_seen_at": now, "last_seen_at": now, "state": UNKNOWN, "state_since": now}
    unseen = [
        {**sender._asdict(), **first}
        for sender in wanted
        if sender not in known or known[sender].last_seen_at < now - SEEN_EVERY
    ]
    insert_or_change(connection, devices, unseen, "last_seen_at")
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
        connection.execute(update(devices).where(*sender.owns(devices)).values(retired_at=None))


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
    mine = sender._asdict()
    state = {
        **mine,
        "policy_version": message.policy_version,
        "ledger_entries": message.ledger_entries,
        "ledger_head": message.ledger_head,
        "ledger_intact": message.ledger_intact,
        "epoch": message.epoch,
        "seq": message.seq,
        "received_at": now,
    }
    insert_or_change(connection, consents, [state])
    connection.execute(insert_or(connection, epochs).on_conflict_do_nothing(), [{**mine, "epoch": message.epoch}])
    answers = [
        {
            **mine,
            "purpose": answer.purpose.value,
            "granted": answer.granted,
            "since": None if answer.since is None else datetime.fromisoformat(answer.since),
        }
        for answer in sorted(message.purposes, key=lambda answer: answer.purpose.value)
    ]
    insert_or_change(connection, purposes, answers)
    # The newest says it all: a yes that it does not repeat is none.
    told = [answer.purpose.value for answer in message.purposes]
    connection.execute(delete(purposes).where(*sender.owns(purposes), purposes.c.purpose.not_in(told)))
    _keep_requests(connection, sender, message, now)
    return True


def clear_consent(connection: Connection, sender: Sender, now: datetime) -> None:
    """Forget a state of consent that the broker keeps no more; what was asked for is with nobody any more."""
    connection.execute(delete(consents).where(*sender.owns(consents)))
    connection.execute(delete(purposes).where(*sender.owns(purposes)))
    connection.execute(
        update(requests).where(*sender.owns(requests), requests.c.closed_at.is_(None)).values(closed_at=now)
    )


def keep_outcome(connection: Connection, sender: Sender, message: OutcomeMessage, now: datetime) -> None:
    """Take what became of a message of the operator's; once, and none of a former holder's."""
    if known_epochs(connection, sender).get(message.epoch, False):
        return
    outcome = {
        **sender._asdict(),
        "epoch": message.epoch,
        "seq": message.seq,
        "message": message.message,
        "code": message.code.value,
        "received_at": now,
    }
    connection.execute(insert_or(connection, outcomes).on_conflict_do_nothing(), [outcome])


def keep_publication(connection: Connection, fleet: str, publication: Publication) -> None:
    """Take what an operator says of a message."""
    row = {
        "fleet": fleet,
        "message": publication.message,
        "kind": publication.kind.value,
        "name": publication.name,
        "published_at": datetime.fromisoformat(publication.published_at),
    }
    insert_or_change(connection, publications, [row])


def _keep_requests(connection: Connection, sender: Sender, message: ConsentMessage, now: datetime) -> None:
    """Note what is open, and close what is not among that any more."""
    listed = [request.number for request in message.requests]
    missing = and_(*sender.owns(requests), requests.c.closed_at.is_(None), requests.c.number.not_in(listed))
    if len(listed) == MAX_REQUESTS:
        # Those that are due later may have found no room; whose day is not known is due last.
        days = [date.fromisoformat(request.due) if request.due else date.max for request in message.requests]
        missing = and_(missing, requests.c.due < max(days))
    connection.execute(update(requests).where(missing).values(closed_at=now))
    provisional = MONDAY_TO_FRIDAY.after(now.date(), WORKING_DAYS)
    # A handset that does not know the day yet does not move the one that was counted here.
    for changing in (("kind", "epoch", "objected", "closed_at", "due"), ("kind", "epoch", "objected", "closed_at")):
        rows = [
            {
                **sender._asdict(),
                "number": request.number,
                "kind": request.kind.value,
                "epoch": request.epoch,
                "due": provisional if request.due is None else date.fromisoformat(request.due),
                "objected": request.objected,
                "first_seen_at": now,
                "closed_at": None,
            }
            for request in sorted(message.requests, key=lambda request: request.number)
            if (request.due is not None) is ("due" in changing)
        ]
        insert_or_change(connection, requests, rows, *changing)
