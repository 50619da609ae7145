"""What is not taken: counted by who sent it and why, and never kept."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, func, select, tuple_

from fleet.collector.database import insert_or
from fleet.tables import quarantine

MAX_ROWS: Final = 20_000
"""Whoever invents names fills no more than this; beyond, only what is known already is counted by name."""

OTHER_TOPIC: Final = "other"


class Reason(StrEnum):
    """Why a message or a record is not taken.

    TOO_LARGE: longer than such messages are. NOT_JSON, SCHEMA: it is no JSON, or not a message of this topic.
    WRONG_TOPIC: the topic is none of ours. OTHER_DEVICE: it speaks of another handset than its topic.
    UNKNOWN_DEVICE: the handset is not in the settings. CLOCK_PAST, CLOCK_FUTURE: it tells of a time before there were
    such handsets, or of one to come. CONFLICT: another record has its number, and that one came first.
    FLOOD: more came at once than can wait, of what its sender does not wait for either (QoS 0).
    FORMER_HOLDER: a call that began before the handset's last holder had gone, in an epoch in which it has not told of
    consent since. NOT_STORED: the database does not take what it says.
    """

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    SCHEMA = "schema"
    WRONG_TOPIC = "wrong_topic"
    OTHER_DEVICE = "other_device"
    UNKNOWN_DEVICE = "unknown_device"
    CLOCK_PAST = "clock_past"
    CLOCK_FUTURE = "clock_future"
    CONFLICT = "conflict"
    FLOOD = "flood"
    FORMER_HOLDER = "former_holder"
    NOT_STORED = "not_stored"


class Sender(NamedTuple):
    """Who sent a message, by its topic; empty where that is no name."""

    fleet: str
    device: str

    def owns(self, table: Table) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        """Return the conditions that a row of a table is about this handset."""
        return table.c.fleet == self.fleet, table.c.device == self.device


class Rejection(NamedTuple):
    """One message or record that is not taken."""

    sender: Sender
    topic: str
    reason: Reason


def count(connection: Connection, rejections: Mapping[Rejection, int], now: datetime) -> None:
    """Add to what is counted."""
    if not rejections:
        return
    kept = _by_name_where_known(connection, rejections)
    # In one order, so that two collectors do not wait for each other.
    rows = [
        {
            **rejection.sender._asdict(),
            "topic": rejection.topic,
            "reason": rejection.reason.value,
            "count": number,
            "first_received_at": now,
            "last_received_at": now,
        }
        for rejection, number in sorted(kept.items())
    ]
    statement = insert_or(connection, quarantine)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(quarantine.primary_key),
            set_={
                "count": quarantine.c.count + statement.excluded.count,
                "last_received_at": statement.excluded.last_received_at,
            },
        ),
        rows,
    )


def _by_name_where_known(connection: Connection, rejections: Mapping[Rejection, int]) -> Mapping[Rejection, int]:
    rows = connection.execute(select(func.count()).select_from(quarantine)).scalar_one()
    if rows + len(rejections) <= MAX_ROWS:
        return rejections
    senders = sorted({(rejection.sender.fleet, rejection.sender.device) for rejection in rejections})
    columns = (quarantine.c.fleet, quarantine.c.device)
    known = {
        Sender(*row) for row in connection.execute(select(*columns).where(tuple_(*columns).in_(senders)).distinct())
    }
    kept: Counter[Rejection] = Counter()
    for rejection, number in rejections.items():
        sender = rejection.sender if rejection.sender in known else Sender("", "")
        kept[Rejection(sender, rejection.topic, rejection.reason)] += number
    return kept
