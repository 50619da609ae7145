"""The newest update that the operator has announced, in the store, until another takes its place."""

from contextlib import suppress
from typing import Protocol

from contract.results import OutcomeCode
from firmware.store.database import Database
from firmware.store.documents import DocumentRegister, Report, digest_of, report_to_nobody
from firmware.store.store import Store
from provisioning.documents import read_content
from provisioning.signed import DocumentRefusedError, Statement
from provisioning.trust import Kind
from provisioning.update import UpdateContent


class UpdatePort(Protocol):
    """Whoever has updates installed."""

    def announced(self, document: bytes, statement: Statement, content: UpdateContent) -> None:
        """Hear of an update: when it was taken, and after each start until it is APPLIED.

        Args:
            document: as it was signed, for whoever else verifies it.
            statement: what it says to whom.
            content: what it says of the release.
        """


class StoredUpdates:
    """Takes documents that announce updates, and tells the operator what becomes of them.

    Attributes:
        port: told of each update; None where nobody installs any.
    """

    def __init__(self, store: Store, register: DocumentRegister, report: Report = report_to_nobody) -> None:
        self._store = store
        self._register = register
        self._report = report
        self.port: UpdatePort | None = None

    async def take(self, document: bytes) -> OutcomeCode:
        """Take a document or refuse it; of the newest one once more, say what became of it."""
        try:
            return await self.admit(document)
        except DocumentRefusedError as error:
            return error.refusal

    async def admit(self, document: bytes) -> OutcomeCode:
        """Take a signed document: TAKEN, and what became of it where it is the newest one once more.

        Raises:
            DocumentRefusedError: it is not taken; says why.
        """
        statement, content = self._read(document)

        def write(database: Database) -> OutcomeCode | None:
            if not self._register.admit(database, Kind.UPDATE, document, statement):
                return OutcomeCode(database.query("SELECT outcome FROM updates")[0][0])
            database.execute("DELETE FROM updates")
            database.execute(
                "INSERT INTO updates (number, document, outcome) VALUES (?, ?, ?)",
                statement.number,
                document,
                OutcomeCode.TAKEN.value,
            )
            return None

        known = await self._store.transact(write)
        if known is None and self.port is not None:
            self.port.announced(document, statement, content)
        return known or OutcomeCode.TAKEN

    async def announce_again(self) -> None:
        """Tell the port what the run before has left, unless its signer is trusted no longer.

        Raises:
            StorageError: the store failed.
        """
        rows = await self._store.run(
            lambda database: database.query(
                "SELECT document FROM updates WHERE outcome != ?", OutcomeCode.APPLIED.value
            )
        )
        for (document,) in rows:
            with suppress(DocumentRefusedError):
                statement, content = self._read(document)
                if self.port is not None:
                    self.port.announced(document, statement, content)

    async def became(self, document: bytes, outcome: OutcomeCode) -> None:
        """Note what became of an update, and queue that for the operator; said again it changes nothing.

        Nothing is said of one that a newer one has replaced, and after APPLIED no more.

        Raises:
            StorageError: the store failed.
        """

        def write(database: Database) -> None:
            rows = database.query(
                "UPDATE updates SET outcome = ? WHERE document = ? AND outcome NOT IN (?, ?) RETURNING number",
                outcome.value,
                document,
                outcome.value,
                OutcomeCode.APPLIED.value,
            )
            if rows:
                self._report(database, digest_of(document), outcome)

        await self._store.transact(write)

    def _read(self, document: bytes) -> tuple[Statement, UpdateContent]:
        statement = self._register.verify(document, Kind.UPDATE)
        return statement, read_content(statement, UpdateContent)
