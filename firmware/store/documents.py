"""Which signed documents of the operator are taken, and which were."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from contract.results import OutcomeCode
from firmware.privacy.policy import Reading
from firmware.store.consents import Consents
from firmware.store.database import Database
from firmware.store.store import Store
from provisioning.signed import DocumentKind, DocumentRefusedError, Statement, verify
from provisioning.trust import TrustedKey

_OLD: Final = "A {kind} with a higher number was taken before. Sign it again with a number above {newest}."


Report = Callable[[Database, str, OutcomeCode], None]
"""Queues what became of a document, by its digest, for the operator, as part of a transaction on the storage thread."""


def report_to_nobody(_database: Database, _digest: str, _outcome: OutcomeCode) -> None:
    """Queue nothing."""


def digest_of(document: bytes) -> str:
    """Return what a document is called where it must not be repeated: SHA-256 of all of it, in hexadecimal."""
    return hashlib.sha256(document).hexdigest()


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whose documents these are.

    Attributes:
        fleet, device: which handset this is.
        keys: whose signature counts.
    """

    fleet: str
    device: str
    keys: tuple[TrustedKey, ...] = ()


class DocumentRegister:
    """Checks documents, and knows which were taken; what they say is kept by others."""

    def __init__(
        self, addressee: Addressee, read_clocks: Callable[[], Reading], proven_s: Callable[[], float] = lambda: 0.0
    ) -> None:
        """Set up.

        Args:
            addressee: whose documents these are.
            read_clocks: says what the clocks say.
            proven_s: returns a time that is over for certain, in seconds since the epoch.
        """
        self._addressee = addressee
        self._read_clocks = read_clocks
        self._proven_s = proven_s

    def verify(self, document: bytes, kind: DocumentKind) -> Statement:
        """Return what a document says that is signed, and for this handset.

        Raises:
            DocumentRefusedError: it is not.
        """
        statement = verify(document, kind, self._addressee.keys)
        statement.check_scope(self._addressee.fleet, self._addressee.device)
        return statement

    def admit(self, database: Database, kind: DocumentKind, document: bytes, statement: Statement) -> bool:
        """Note a document that `verify` has returned, as part of the caller's transaction on the storage thread.

        Returns:
            False where it is the newest one of its kind once more, as a retained message comes with each connection.

        Raises:
            DocumentRefusedError: it is older than another, expired or from the future.
        """
        digest = digest_of(document)
        rows = database.query("SELECT number, digest FROM documents WHERE kind = ? ORDER BY number DESC", kind)
        if rows and rows[0] == (statement.number, digest):
            return False
        if (statement.number, digest) in rows:
            raise DocumentRefusedError(OutcomeCode.REPLAYED, f"This {kind} was taken before, and a newer one since.")
        if rows and statement.number <= rows[0][0]:
            raise DocumentRefusedError(OutcomeCode.OLD, _OLD.format(kind=kind, newest=rows[0][0]))
        now = self._read_clocks()
        # A clock that nobody keeps right may be in the past, but not before what the operator has signed.
        [(newest_s,)] = database.query("SELECT max(issued_at) FROM documents")
        at_least_s = now.wall_s if now.synced else max(now.wall_s, newest_s or 0.0, self._proven_s())
        statement.check_time(at_least_s, synced=now.synced)
        database.execute(
            "INSERT INTO documents (kind, number, digest, issued_at, taken_at) VALUES (?, ?, ?, ?, ?)",
            kind,
            statement.number,
            digest,
            statement.issued_at.timestamp(),
            now.wall_s,
        )
        return True


class OperatorDocuments:
    """Documents of one kind that the holder is to read.

    Attributes:
        when_changed: told, on the event loop, that there is something else to be read, or nothing any more.
    """

    def __init__(
        self,
        store: Store,
        consents: Consents,
        register: DocumentRegister,
        read_clocks: Callable[[], Reading],
        report: Report = report_to_nobody,
    ) -> None:
        self._store = store
        self._consents = consents
        self._register = register
        self._read_clocks = read_clocks
        self._report = report
        self.when_changed: Callable[[], None] = lambda: None

    async def admit(self, document: bytes) -> OutcomeCode:
        """Take a signed document, and say what became of it.

        Raises:
            DocumentRefusedError: it is not taken; says why.
        """
        raise NotImplementedError

    async def take(self, document: bytes) -> OutcomeCode:
        """Take a signed document or refuse it, and say what became of it; the newest one once more changes nothing."""
        try:
            return await self.admit(document)
        except DocumentRefusedError as error:
            return error.refusal
