"""The newest update that the operator has announced, in the store, until another takes its place."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

from contract.results import OutcomeCode
from firmware.store.database import Database
from firmware.store.documents import DocumentRegister, Report, digest_of, report_to_nobody
from firmware.store.store import Store
from provisioning.documents import read_content
from provisioning.signed import DocumentRefusedError, Statement
from provisioning.trust import Kind
from provisioning.update import UpdateContent

if TYPE_CHECKING:
    from collections.abc import Callable


class UpdatePort(Protocol):
    """Whoever has updates installed."""

    async def announced(self, document: bytes, statement: Statement, content: UpdateContent, /) -> OutcomeCode:
        """Hear of an update: when it was taken, and after each start until it is APPLIED.

        Args:
            document: as it was signed, for whoever else verifies it.
            statement: what it says to whom.
            content: what it says of the release.

        Returns:
            TAKEN, or why nothing will come of it.
        """


class StoredUpdates:
    """Takes documents that announce updates, and tells the operator what becomes of them.

    Attributes:
        port: told of each update; None where nobody installs any.
        when_told: called once something waits for the operator.
    """

    def __init__(self, store: Store, register: DocumentRegister, report: Report = report_to_nobody) -> None:
        self._store = store
        self._register = register
        self._report = report
        self._answering = asyncio.Lock()
        """Held until it is noted what is told of an update at once: what becomes of it is told after that."""
        self.port: UpdatePort | None = None
        self.when_told: Callable[[], None] = lambda: None

    async def take(self, document: bytes) -> OutcomeCode:
        """Take a document or refuse it; of the newest one once more, say what became of it."""
        try:
            return await self.admit(document)
        except DocumentRefusedError as error:
            return error.refusal

    async def admit(self, document: bytes) -> OutcomeCode:
        """Take a signed document, and return what is to be told of it at once, or was of the newest one once more.

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
        if known is not None or self.port is None:
            return known or OutcomeCode.TAKEN
        async with self._answering:
            outcome = await self.port.announced(document, statement, content)
            await self._store.transact(partial(_note, number=statement.number, outcome=outcome))
        return outcome

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
                if self.port is None:
                    continue
                outcome = await self.port.announced(document, statement, content)
                if outcome is not OutcomeCode.TAKEN:
                    await self.became(digest_of(document), outcome)

    async def became(self, digest: str, outcome: OutcomeCode) -> None:
        """Note what became of an update, and queue that for the operator.

        Of the newest one, the same said again changes nothing, and after APPLIED nothing is said.

        Args:
            digest: SHA-256 of the document, in hexadecimal.
            outcome: what is told.

        Raises:
            StorageError: the store failed.
        """

        def write(database: Database) -> None:
            newest = database.query(
                "SELECT number, outcome FROM updates JOIN documents USING (number) WHERE kind = ? AND digest = ?",
                Kind.UPDATE.value,
                digest,
            )
            for number, before in newest:
                if before in {outcome, OutcomeCode.APPLIED}:
                    return
                _note(database, number=number, outcome=outcome)
            self._report(database, digest, outcome)

        async with self._answering:
            # Whoever took the update queues its first outcome at once, which is before whatever waits for this lock.
            pass
        await self._store.transact(write)
        self.when_told()

    def _read(self, document: bytes) -> tuple[Statement, UpdateContent]:
        statement = self._register.verify(document, Kind.UPDATE)
        return statement, read_content(statement, UpdateContent)


def _note(database: Database, *, number: int, outcome: OutcomeCode) -> None:
    database.execute("UPDATE updates SET outcome = ? WHERE number = ?", outcome.value, number)
