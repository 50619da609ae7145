"""What the collector keeps, the same in SQLite and in PostgreSQL.

A handset is named by `fleet` and `device`; a message of its by `epoch` and `seq` beside these, so that what comes twice
is one row. Times are the handset's own where a message has them, and the collector's where the name ends in `seen_at`,
`received_at` or `done_at`; all are UTC.
"""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    TypeDecorator,
    event,
    false,
)

metadata: Final = MetaData()


class Moment(TypeDecorator[datetime]):
    """A time with its zone; SQLite, which knows none, keeps UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True
    python_type = datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - its base asks so
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - its base asks so
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _device_columns() -> tuple[Column[str], Column[str]]:
    return Column("fleet", String(64), primary_key=True), Column("device", String(64), primary_key=True)


def _number_columns() -> tuple[Column[int], Column[int]]:
    return (
        Column("epoch", BigInteger, primary_key=True, autoincrement=False),
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
    )


schema_version: Final = Table("schema_version", metadata, Column("version", Integer, nullable=False))
"""One row; see fleet.collector.database."""

devices: Final = Table(
    "devices",
    metadata,
    *_device_columns(),
    Column("first_seen_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    # online, no_line, offline, or unknown until its first word.
    Column("state", String(8), nullable=False),
    Column("state_since", Moment, nullable=False),
    # When its holder had gone and everything of it was deleted; None again once another holder has it.
    Column("retired_at", Moment),
    # When a holder's data was deleted last: what began before that is a former holder's, unless its epoch is known.
    Column("forgotten_at", Moment),
)

calls: Final = Table(
    "calls",
    metadata,
    *_device_columns(),
    *_number_columns(),
    Column("id", String(32), nullable=False),
    Column("account", String(32), nullable=False),
    Column("direction", String(16), nullable=False),
    Column("number", String(128)),
    Column("started_at", Moment, nullable=False),
    Column("answered_at", Moment),
    Column("ended_at", Moment),
    Column("result", String(32), nullable=False),
    Column("sip_code", SmallInteger, nullable=False),
    Column("clock_synced", Boolean, nullable=False),
    Column("boot_id", String(36), nullable=False),
    Column("received_at", Moment, nullable=False),
    Index("calls_by_start", "fleet", "started_at"),
)

# PostgreSQL would leave what is deleted where it is until that is a fifth of the table, which of a large one it never
# is; and it would keep the most frequent numbers for its planner, beside the records that they were deleted with.
for _statement in (
    "ALTER TABLE calls SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 0)",
    "ALTER TABLE calls ALTER COLUMN number SET STATISTICS 0",
):
    event.listen(calls, "after_create", DDL(_statement).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]

consents: Final = Table(
    "consents",
    metadata,
    *_device_columns(),
    Column("policy_version", String(32), nullable=False),
    Column("ledger_entries", BigInteger, nullable=False),
    Column("ledger_head", String(64), nullable=False),
    Column("ledger_intact", Boolean, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("received_at", Moment, nullable=False),
)
"""The newest state of consent of each handset; its answers are in `purposes`, its open requests in `requests`."""

purposes: Final = Table(
    "purposes",
    metadata,
    *_device_columns(),
    Column("purpose", String(32), primary_key=True),
    Column("granted", Boolean, nullable=False),
    # None where the holder was never asked.
    Column("since", Moment),
)

requests: Final = Table(
    "requests",
    metadata,
    *_device_columns(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    # What a signed answer names beside the number; None of firmware that takes no answers.
    Column("epoch", BigInteger),
    # The collector's own count of working days until the handset knows the day.
    Column("due", Date, nullable=False),
    # The holder objects to the answer that was given.
    Column("objected", Boolean, nullable=False, server_default=false()),
    Column("first_seen_at", Moment, nullable=False),
    # When the handset no longer had it among the open ones.
    Column("closed_at", Moment),
)

erasures: Final = Table(
    "erasures",
    metadata,
    *_device_columns(),
    *_number_columns(),
    Column("reason", String(32), nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("done_at", Moment),
    Column("deleted", Integer, nullable=False, default=0),
)

erased_ranges: Final = Table(
    "erased_ranges",
    metadata,
    *_device_columns(),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, primary_key=True, autoincrement=False),
)
"""Records that may never come in again: a notice can overtake what it takes back."""

epochs: Final = Table(
    "epochs",
    metadata,
    *_device_columns(),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    # When the holder of that time had gone, since when nothing of it may come in.
    Column("gone_at", Moment),
)
"""The epochs in which a handset has told of its consent, which it does at each start."""

outcomes: Final = Table(
    "outcomes",
    metadata,
    *_device_columns(),
    *_number_columns(),
    # SHA-256 of the operator's message, as in `publications`.
    Column("message", String(64), nullable=False),
    Column("code", String(32), nullable=False),
    Column("received_at", Moment, nullable=False),
    Index("outcomes_by_message", "fleet", "message"),
)

publications: Final = Table(
    "publications",
    metadata,
    Column("fleet", String(64), primary_key=True),
    Column("message", String(64), primary_key=True),
    # policy, notice, answer or bundle.
    Column("kind", String(8), nullable=False),
    # What the operator calls it: a policy's version, or the number of another kind.
    Column("name", String(64), nullable=False),
    Column("published_at", Moment, nullable=False),
)
"""What operators have published, as they say so themselves."""

audit: Final = Table(
    "audit",
    metadata,
    Column("at", Moment, primary_key=True),
    # Tells rows of one moment apart.
    Column("id", String(32), primary_key=True),
    # A user of the broker's, or the first digits of a token's SHA-256.
    Column("who", String(80), nullable=False),
    Column("action", String(16), nullable=False),
    # A route of the HTTP API, or a table of the page; empty where the action says it all.
    Column("what", String(32), nullable=False),
    # Names with a space between, or "*" for all.
    Column("fleets", String, nullable=False),
    Column("device", String(64), nullable=False),
)
"""What those who look after handsets did; rows are added and deleted, never changed. No number of anybody is in it."""

quarantine: Final = Table(
    "quarantine",
    metadata,
    *_device_columns(),
    # The last level of the topic, or "other".
    Column("topic", String(16), primary_key=True),
    Column("reason", String(32), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("first_received_at", Moment, nullable=False),
    Column("last_received_at", Moment, nullable=False),
)
"""What was not taken, counted and never kept: what breaks the rules may hold anything."""

alerts: Final = Table(
    "alerts",
    metadata,
    Column("channel", String(8), primary_key=True),
    Column("kind", String(32), primary_key=True),
    # Empty where it is of no fleet.
    Column("fleet", String(64), primary_key=True),
    # What it is about: a handset, one request of its holder's, a certificate, a message of the operator's.
    Column("subject", String(192), primary_key=True),
    Column("began_at", Moment, nullable=False),
    # When the channel was told of its beginning.
    Column("told_at", Moment),
    # None while it lasts.
    Column("ended_at", Moment),
)
"""What people are told of and what they have been told, by channel; gone once they know that it is over."""

alert_channels: Final = Table(
    "alert_channels",
    metadata,
    Column("channel", String(8), primary_key=True),
    # Whoever tells something next waits until then: one of several collectors at a time, and not too often.
    Column("next_at", Moment, nullable=False),
    # How often it has failed since it last worked.
    Column("failures", Integer, nullable=False),
    # What kind of error it was last.
    Column("problem", String(64)),
)
