"""The operator's notices in the store: shown until the holder has read them, and kept."""

from dataclasses import dataclass
from typing import Final

from contract.consent import Actor, Channel, Purpose
from contract.results import OutcomeCode
from firmware.privacy.consent import LedgerAction
from firmware.store.database import Database
from firmware.store.documents import OperatorDocuments, digest_of
from firmware.store.ledger import read_state
from provisioning.documents import NoticeDocument, read_content
from provisioning.trust import Kind

_MOST_KEPT: Final = 100
"""More push out the oldest that were acknowledged."""


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """One notice.

    Attributes:
        notice_id: which one.
        said: what it says.
        issued_at: when it was signed, in seconds since the epoch.
        acknowledged: the holder has read it.
    """

    notice_id: int
    said: NoticeDocument
    issued_at: float
    acknowledged: bool


class StoredNotices(OperatorDocuments):
    """The operator's notices.

    Those of a danger to the holder's data are shown in any case, others only while the holder agrees to
    Purpose.OPERATOR_NOTICES.
    """

    async def to_show(self) -> tuple[StoredNotice, ...]:
        """Return the notices that may be shown, newest first."""
        return await self._store.run(_to_show)

    async def admit(self, document: bytes) -> OutcomeCode:
        """Take a signed notice: TAKEN, or NOT_GRANTED where it is not shown until the holder agrees to notices.

        Raises:
            DocumentRefusedError: it is not taken; says why.
        """
        statement = self._register.verify(document, Kind.NOTICE)
        said = read_content(statement, NoticeDocument)

        def write(database: Database) -> OutcomeCode:
            outcome = OutcomeCode.TAKEN if said.incident or _wanted(database) else OutcomeCode.NOT_GRANTED
            if not self._register.admit(database, Kind.NOTICE, document, statement):
                return outcome
            database.execute(
                "INSERT INTO notices (notice_id, said, document, incident, issued_at) VALUES (?, ?, ?, ?, ?)",
                statement.number,
                said.model_dump_json(),
                document,
                int(said.incident),
                statement.issued_at.timestamp(),
            )
            database.execute(
                "DELETE FROM notices WHERE acknowledged_at IS NOT NULL AND notice_id <= "
                "(SELECT notice_id FROM notices ORDER BY notice_id DESC LIMIT 1 OFFSET ?)",
                _MOST_KEPT,
            )
            return outcome

        outcome = await self._store.transact(write)
        self.when_changed()
        return outcome

    async def acknowledge(self, notice_id: int) -> None:
        """Note that the holder has read a notice; said again it changes nothing."""
        at = self._read_clocks().wall_s

        def write(database: Database) -> bool:
            rows = database.query(
                "UPDATE notices SET acknowledged_at = ? WHERE notice_id = ? AND acknowledged_at IS NULL "
                "RETURNING document",
                at,
                notice_id,
            )
            for (document,) in rows:
                self._consents.append_within(
                    database, LedgerAction.NOTICE_ACKNOWLEDGED, str(notice_id), Actor.HOLDER, Channel.KEYPAD
                )
                self._report(database, digest_of(document), OutcomeCode.ACKNOWLEDGED)
            return bool(rows)

        if await self._store.transact(write):
            await self._consents.tell()
            self.when_changed()


def _wanted(database: Database) -> bool:
    return read_state(database).granted(Purpose.OPERATOR_NOTICES)


def _to_show(database: Database) -> tuple[StoredNotice, ...]:
    rows = database.query(
        "SELECT notice_id, said, issued_at, acknowledged_at FROM notices WHERE incident OR ? ORDER BY notice_id DESC",
        int(_wanted(database)),
    )
    return tuple(
        StoredNotice(notice_id, NoticeDocument.model_validate_json(said), issued_at, acknowledged_at is not None)
        for notice_id, said, issued_at, acknowledged_at in rows
    )
