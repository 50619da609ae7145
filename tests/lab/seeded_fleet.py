"""A fleet's history in a collector's database: the same rows each time, dated back from a moment."""

import hashlib
import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine, Table, insert

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose, RequestKind
from contract.messages import ErasureReason
from contract.results import OutcomeCode
from fleet.collector.database import prepare, writing
from fleet.tables import (
    calls,
    consents,
    devices,
    erasures,
    outcomes,
    publications,
    purposes,
    quarantine,
    requests,
)

FLEETS: Final = ("north", "south")


def message_digest(name: str) -> str:
    """Return the SHA-256 that stands for a message of the operator's."""
    return hashlib.sha256(name.encode()).hexdigest()


_WITHOUT_LINE: Final = 33


@dataclass(frozen=True, slots=True)
class SeededFleet:
    """Fills an empty database.

    Attributes:
        handsets: how many, the first half in `north`, the others in `south`; every fifth is offline, one of `south` has
            no line, the last is retired.
        calls_each: calls of each handset, over the seven days before `now`.
        now: when it is; seconds are cut off.
    """

    handsets: int = 40
    calls_each: int = 25
    now: datetime = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)

    def names(self) -> list[tuple[str, str]]:
        """Return fleet and device of every handset."""
        half = self.handsets // 2
        return [(FLEETS[0] if index < half else FLEETS[1], f"handset-{index:04d}") for index in range(self.handsets)]

    def rows(self) -> list[tuple[Table, list[dict[str, Any]]]]:
        """Return what is in each table."""
        return [
            (devices, self._devices()),
            (calls, self._calls(random.Random(7))),
            (consents, self._consents()),
            (purposes, self._purposes()),
            (requests, self._requests()),
            (erasures, self._erasures()),
            (outcomes, self._outcomes()),
            (publications, self._publications()),
            (quarantine, self._quarantine()),
        ]

    def rows_of(self, table: Table) -> list[dict[str, Any]]:
        """Return what is in one table."""
        return next(rows for each, rows in self.rows() if each is table)

    def fill(self, engine: Engine) -> None:
        """Make the tables where they are missing, and write everything."""
        prepare(engine)
        with writing(engine).begin() as connection:
            for table, rows in self.rows():
                for start in range(0, len(rows), 1000):
                    connection.execute(insert(table), rows[start : start + 1000])

    def _each(self) -> list[tuple[int, dict[str, Any]]]:
        return [(index, {"fleet": fleet, "device": device}) for index, (fleet, device) in enumerate(self.names())]

    def _devices(self) -> list[dict[str, Any]]:
        return [
            {
                **name,
                "first_seen_at": self.now - timedelta(days=30),
                "last_seen_at": self.now - timedelta(minutes=index),
                "state": "offline" if index % 5 == 0 else "no_line" if index == _WITHOUT_LINE else "online",
                "state_since": self.now - timedelta(hours=1 + index),
                "retired_at": self.now if index == self.handsets - 1 else None,
            }
            for index, name in self._each()
        ]

    def _calls(self, chance: random.Random) -> list[dict[str, Any]]:
        results = [DisconnectReason.REMOTE_HANGUP] * 6 + [DisconnectReason.LOCAL_HANGUP] * 4
        results += [DisconnectReason.NO_ANSWER, DisconnectReason.BUSY, DisconnectReason.INTERRUPTED]
        rows: list[dict[str, Any]] = []
        for _, name in self._each():
            for seq in range(1, self.calls_each + 1):
                result = chance.choice(results)
                started_at = self.now - timedelta(milliseconds=chance.randrange(1, 7 * 24 * 3_600_000))
                answered = result in {DisconnectReason.REMOTE_HANGUP, DisconnectReason.LOCAL_HANGUP}
                answered_at = started_at + timedelta(seconds=chance.randrange(2, 20)) if answered else None
                ended_at = (answered_at or started_at) + timedelta(seconds=chance.randrange(5, 400))
                rows.append(
                    {
                        **name,
                        "epoch": 1,
                        "seq": seq,
                        "id": f"{chance.getrandbits(128):032x}",
                        "account": f"{1:032x}",
                        "direction": chance.choice(list(CallDirection)),
                        "number": chance.choice([f"+447700900{chance.randrange(1000):03d}", "1001", None]),
                        "started_at": started_at,
                        "answered_at": answered_at,
                        "ended_at": None if result is DisconnectReason.INTERRUPTED else ended_at,
                        "result": result,
                        "sip_code": {DisconnectReason.BUSY: 486, DisconnectReason.NO_ANSWER: 480}.get(result, 200),
                        "clock_synced": True,
                        "boot_id": str(uuid.UUID(int=chance.getrandbits(128))),
                        "received_at": ended_at + timedelta(seconds=1),
                    }
                )
        return rows

    def _consents(self) -> list[dict[str, Any]]:
        return [
            {
                **name,
                "policy_version": "2026-1",
                "ledger_entries": 7,
                "ledger_head": message_digest(name["device"]),
                "ledger_intact": index != 3,
                "epoch": 1,
                "seq": 1000,
                "received_at": self.now - timedelta(days=1),
            }
            for index, name in self._each()
        ]

    def _purposes(self) -> list[dict[str, Any]]:
        rows = []
        for index, name in self._each():
            for place, purpose in enumerate(Purpose):
                granted = (index + place) % 3 != 0
                asked = granted or (index + place) % 2 == 0
                since = self.now - timedelta(days=20) if asked else None
                rows.append({**name, "purpose": purpose, "granted": granted, "since": since})
        return rows

    def _requests(self) -> list[dict[str, Any]]:
        today = self.now.date()
        kinds = list(RequestKind)
        return [
            {
                **name,
                "number": 1 + index,
                "kind": kinds[index % len(kinds)],
                "due": today + timedelta(days=index % 7 - 2),
                "first_seen_at": self.now - timedelta(days=5),
                "closed_at": self.now if index % 3 == 0 else None,
            }
            for index, name in self._each()[:14]
        ]

    def _erasures(self) -> list[dict[str, Any]]:
        return [
            {
                **name,
                "epoch": 1,
                "seq": 2000,
                "reason": ErasureReason.WITHDRAWN,
                "cancelled": False,
                "received_at": self.now - timedelta(hours=index),
                "done_at": None if index < 2 else self.now,
                "deleted": 0 if index < 2 else 3,
            }
            for index, name in self._each()[:8]
        ]

    def _outcomes(self) -> list[dict[str, Any]]:
        rows = []
        for index, name in self._each()[: self.handsets // 2]:
            codes = (OutcomeCode.TAKEN, OutcomeCode.REVERTED_LINES if index % 4 == 0 else OutcomeCode.APPLIED)
            for place, code in enumerate(codes):
                received_at = self.now - timedelta(minutes=30 - place)
                rows.append(
                    {
                        **name,
                        "epoch": 1,
                        "seq": 3000 + place,
                        "message": message_digest("bundle-42"),
                        "code": code,
                        "received_at": received_at,
                    }
                )
        return rows

    def _publications(self) -> list[dict[str, Any]]:
        return [
            {
                "fleet": FLEETS[0],
                "message": message_digest(f"{kind}-{name}"),
                "kind": kind,
                "name": name,
                "published_at": self.now - timedelta(hours=hours),
            }
            for kind, name, hours in (("bundle", "42", 2), ("policy", "2026-1", 48), ("notice", "works-on-line", 1))
        ]

    def _quarantine(self) -> list[dict[str, Any]]:
        return [
            {
                **name,
                "topic": "cdr",
                "reason": "schema",
                "count": 4 + index,
                "first_received_at": self.now - timedelta(days=2),
                "last_received_at": self.now - timedelta(hours=1),
            }
            for index, name in (*self._each()[:3], (3, {"fleet": "", "device": ""}))
        ]
