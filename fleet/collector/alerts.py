"""Tells people what is wrong: once when it begins and once when it ends, whichever collector sees it.

What they have been told is in the database, by channel. Whoever tells something takes the channel for a while before,
so that of several collectors one does, and nobody is told more than twelve times an hour. Only where a collector is
killed between telling and writing that down it is told once more, under the same id.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, and_, bindparam, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from fleet.collector.alert_channels import Channel, ChannelError, Item, Notice, Turn, channels_of, digest_of
from fleet.collector.alert_conditions import Condition, Kind, certificates_judged, wrong_in_database
from fleet.collector.alert_settings import AlertSettings
from fleet.collector.database import insert_or_change, take_turn, writing
from fleet.collector.settings import CollectorSettings
from fleet.errors import FleetError
from fleet.tables import alert_channels, alerts

_log = logging.getLogger(__name__)

SPACING: Final = timedelta(minutes=5)
"""Between two notices of a channel at least, and as long as a collector has it for itself."""

LONGEST_PAUSE: Final = timedelta(hours=6)
"""Between two tries of a channel that fails at most; the first comes after `SPACING`, each next after twice as long."""

MOST_ITEMS: Final = 100
"""In one notice; what there is more of comes with the next."""

_ROUND_S: Final = 60.0
# By then the collector has made the tables.
_FIRST_S: Final = 5.0
_STOP_TIMEOUT_S: Final = 5.0
_CERTIFICATES_EVERY_S: Final = 3600.0
_ALERTING: Final = 7_430_002
"""The key of `take_turn`."""

_OF_ROW: Final = and_(*(alerts.c[name] == bindparam(f"of_{name}") for name in ("channel", "kind", "fleet", "subject")))


@dataclass(frozen=True, slots=True)
class _Claim:
    """What is to be told, and the rows of `alerts` that say so."""

    notice: Notice
    began: tuple[Condition, ...]
    ended: tuple[Condition, ...]


class Alerts:
    """Looks each minute, on a thread of its own, from `start` to `stop`: nothing that it waits for delays a record."""

    def __init__(
        self,
        settings: CollectorSettings,
        alert_settings: AlertSettings,
        engine: Engine,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Set up without looking.

        Args:
            settings: the collector's.
            alert_settings: its table `[alerts]`.
            engine: its database.
            now: the time of day.
        """
        self._settings = settings
        self._alert_settings = alert_settings
        self._channels = channels_of(alert_settings)
        self._engine = engine
        self._now = now
        self._zone = ZoneInfo("UTC" if settings.http is None else settings.http.time_zone)
        self._certificates: Mapping[Condition, bool] = {}
        self._certificates_at_s = float("-inf")
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a notice that is on its way is waited for a little."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def _run(self) -> None:
        pause_s = _FIRST_S
        while not self._stopping.wait(pause_s):
            pause_s = _ROUND_S
            try:
                self.look()
            except SQLAlchemyError as error:
                _log.warning("Alerts wait for the database, which fails with %s.", type(error).__name__)
            except Exception:  # noqa: BLE001 - what nobody has foreseen ends no alert for good
                _log.exception("Alerts cannot be decided. They are tried again in a minute.")

    def look(self) -> None:
        """Look once, and tell what is new.

        Raises:
            SQLAlchemyError: the database is not there.
        """
        now = self._now()
        if time.monotonic() - self._certificates_at_s > _CERTIFICATES_EVERY_S:
            self._certificates = certificates_judged(self._settings)
            self._certificates_at_s = time.monotonic()
        with self._engine.begin() as connection:
            wrong = wrong_in_database(connection, now.astimezone(self._zone).date(), now, self._alert_settings)
        wrong |= {condition for condition, ends in self._certificates.items() if ends}
        for channel in self._channels:
            with writing(self._engine).begin() as connection:
                claim = self._claim(connection, channel.name, wrong, now)
            if claim is not None:
                self._tell(channel, claim, now)

    def _claim(self, connection: Connection, channel: str, wrong: set[Condition], now: datetime) -> _Claim | None:
        """Take the channel where there is something to tell and it is free; nothing is noted while it is not."""
        take_turn(connection, _ALERTING)
        state = connection.execute(select(alert_channels).where(alert_channels.c.channel == channel)).one_or_none()
        if state is not None and now < state.next_at:
            return None
        self._note(connection, channel, wrong, now)
        claim = _due(connection, channel, now)
        if claim is not None:
            taken = {"channel": channel, "next_at": now + SPACING, "failures": 0, "problem": None}
            insert_or_change(connection, alert_channels, [taken], "next_at")
        return claim

    def _note(self, connection: Connection, channel: str, wrong: set[Condition], now: datetime) -> None:
        """Write down what has begun and ended."""
        known = {
            Condition(Kind(row.kind), row.fleet, row.subject): row
            for row in connection.execute(select(alerts).where(alerts.c.channel == channel))
        }
        if new := sorted(wrong - known.keys()):
            rows = [{"channel": channel, **each._asdict(), "kind": each.kind.value, "began_at": now} for each in new]
            connection.execute(insert(alerts), rows)
        back, ended, never_told = [], [], []
        for condition, row in known.items():
            if condition in wrong:
                if row.ended_at is not None:
                    back.append(condition)
            elif condition.kind is Kind.CERTIFICATE_ENDS and condition not in self._certificates:
                # Nobody knows: it is another collector's, or cannot be seen now.
                continue
            elif row.told_at is None:
                never_told.append(condition)
            elif row.ended_at is None:
                ended.append(condition)
        of_row = update(alerts).where(_OF_ROW)
        for statement, conditions in (
            (of_row.values(ended_at=None), back),
            (of_row.values(ended_at=now), ended),
            (delete(alerts).where(_OF_ROW), never_told),
        ):
            if conditions:
                connection.execute(statement, _keys(channel, conditions))

    def _tell(self, channel: Channel, claim: _Claim, now: datetime) -> None:
        try:
            channel.send(claim.notice)
        except FleetError as error:
            problem = f"{error}" if isinstance(error, ChannelError) else "its password or token cannot be read"
            _log.warning("Alerts cannot be told by %s: %s.", channel.name, problem)
            with writing(self._engine).begin() as connection:
                _note_failure(connection, channel.name, problem, now)
            return
        with writing(self._engine).begin() as connection:
            if claim.began:
                connection.execute(update(alerts).where(_OF_ROW).values(told_at=now), _keys(channel.name, claim.began))
            if claim.ended:
                connection.execute(delete(alerts).where(_OF_ROW), _keys(channel.name, claim.ended))
            connection.execute(
                update(alert_channels)
                .where(alert_channels.c.channel == channel.name)
                .values(failures=0, problem=None)
            )  # fmt: skip


def _due(connection: Connection, channel: str, now: datetime) -> _Claim | None:
    """Return what a channel has not been told yet, joined so that it names nobody."""
    together: dict[tuple[Kind, Turn, str, str], list[tuple[Condition, datetime]]] = {}
    untold = alerts.c.told_at.is_(None) | alerts.c.ended_at.is_not(None)
    for row in connection.execute(select(alerts).where(alerts.c.channel == channel, untold)):
        condition = Condition(Kind(row.kind), row.fleet, row.subject)
        turn = Turn.BEGAN if row.told_at is None else Turn.ENDED
        subject = condition.subject if condition.kind.names_its_subject else ""
        together.setdefault((condition.kind, turn, condition.fleet, subject), []).append(
            (condition, row.ended_at or row.began_at)
        )
    if not together:
        return None
    chosen = sorted(together.items())[:MOST_ITEMS]
    items = tuple(
        Item(kind, turn, fleet or None, subject or None, len(rows)) for (kind, turn, fleet, subject), rows in chosen
    )
    words = (f"{turn} {condition} {at.isoformat()}" for (_, turn, *_), rows in chosen for condition, at in sorted(rows))
    return _Claim(
        Notice(digest_of(words), now, items), _conditions(chosen, Turn.BEGAN), _conditions(chosen, Turn.ENDED)
    )


def _conditions(
    chosen: Iterable[tuple[tuple[Kind, Turn, str, str], list[tuple[Condition, datetime]]]], wanted: Turn
) -> tuple[Condition, ...]:
    return tuple(condition for (_, turn, *_), rows in chosen if turn is wanted for condition, _ in rows)


def _note_failure(connection: Connection, channel: str, problem: str, now: datetime) -> None:
    here = alert_channels.c.channel == channel
    failures = connection.execute(select(alert_channels.c.failures).where(here)).scalar_one() + 1
    # As a number of doublings it would overflow, a year from now.
    pause = min(SPACING * 2 ** min(failures - 1, 10), LONGEST_PAUSE)
    connection.execute(
        update(alert_channels).where(here).values(failures=failures, problem=problem[:64], next_at=now + pause)
    )


def _keys(channel: str, conditions: Iterable[Condition]) -> list[dict[str, str]]:
    """Return what `_OF_ROW` asks for, in one order, so that nobody waits in a circle."""
    return [
        {"of_channel": channel, "of_kind": each.kind.value, "of_fleet": each.fleet, "of_subject": each.subject}
        for each in sorted(conditions)
    ]
