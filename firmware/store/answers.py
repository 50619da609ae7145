"""The operator's answers in the store: each closes one request, until its holder objects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from contract.consent import Actor, Channel
from contract.results import OutcomeCode
from firmware.privacy.consent import LedgerAction
from firmware.privacy.policy import Reading
from firmware.store.consents import Consents
from firmware.store.database import Database
from firmware.store.documents import DocumentRegister, OperatorDocuments, Report, digest_of, report_to_nobody
from firmware.store.ledger import witnessed_s
from firmware.store.store import Store
from provisioning.documents import AnswerDocument, read_content
from provisioning.signed import DocumentRefusedError
from provisioning.trust import Kind


class AnswerState(StrEnum):
    """What the holder has done with an answer."""

    UNREAD = "unread"
    READ = "read"
    OBJECTED = "objected"


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """One answer.

    Attributes:
        answer_id: which one.
        said: what it says.
        issued_at: when it was signed, in seconds since the epoch.
        state: what the holder has done with it.
    """

    answer_id: int
    said: AnswerDocument
    issued_at: float
    state: AnswerState


class StoredAnswers(OperatorDocuments):
    """The operator's answers to the holder's requests.

    An answer is for one handset and for one request of its present holder's. It closes the request once: where the
    holder objects, the request waits for another answer, and no earlier one closes it again.
    """

    def __init__(
        self,
        store: Store,
        consents: Consents,
        register: DocumentRegister,
        read_clocks: Callable[[], Reading],
        report: Report = report_to_nobody,
        *,
        device: str,
    ) -> None:
        """Set up; see OperatorDocuments. `device` is the one that an answer must be for, and for no other."""
        super().__init__(store, consents, register, read_clocks, report)
        self._device = device

    async def newest(self) -> Mapping[int, StoredAnswer]:
        """Return the newest answer of each request that has one, by the request's number."""
        return await self._store.run(_newest)

    async def count_unread(self) -> int:
        """Return how many answers the holder has not read."""
        rows = await self._store.run(
            lambda database: database.query("SELECT count(*) FROM answers WHERE state = ?", AnswerState.UNREAD.value)
        )
        return int(rows[0][0])

    async def admit(self, document: bytes, channel: Channel = Channel.NETWORK) -> OutcomeCode:
        """Take a signed answer, which closes its request: TAKEN.

        Raises:
            DocumentRefusedError: it is not taken; says why.
        """
        statement = self._register.verify(document, Kind.ANSWER)
        said = read_content(statement, AnswerDocument)
        if statement.devices != (self._device,):
            raise DocumentRefusedError(
                OutcomeCode.WRONG_SCOPE,
                "An answer is for one handset alone, for each has its own requests. Name this one.",
            )
        now = self._read_clocks()

        def write(database: Database) -> OutcomeCode:
            if not self._register.admit(database, Kind.ANSWER, document, statement):
                known = database.query("SELECT 1 FROM answers WHERE number = ?", statement.number)
                return OutcomeCode.TAKEN if known else OutcomeCode.REQUEST_CLOSED
            rows = database.query(
                "SELECT closed FROM requests WHERE number = ? AND epoch = ?", said.request, said.epoch
            )
            if not rows:
                raise DocumentRefusedError(
                    OutcomeCode.UNKNOWN_REQUEST,
                    f"The holder of this handset has made no request {said.request} of that epoch. Compare both with "
                    "what the handset's state of consent says.",
                )
            if rows[0][0] is not None:
                # Its number counts as used: the broker brings it again, and it must not close what is reopened.
                return OutcomeCode.REQUEST_CLOSED
            database.execute(
                "UPDATE requests SET closed = ?, closed_at = ?, objected = 0 WHERE number = ?",
                said.decision,
                now.wall_s if now.synced else None,
                said.request,
            )
            database.execute(
                "INSERT INTO answers (number, request, said, document, issued_at, state) VALUES (?, ?, ?, ?, ?, ?)",
                statement.number,
                said.request,
                said.model_dump_json(),
                document,
                statement.issued_at.timestamp(),
                AnswerState.UNREAD.value,
            )
            about = f"{said.decision}:{said.request}"
            self._consents.append_within(database, LedgerAction.REQUEST_ANSWERED, about, Actor.OPERATOR, channel)
            return OutcomeCode.TAKEN

        outcome = await self._store.transact(write)
        if outcome is OutcomeCode.REQUEST_CLOSED:
            raise DocumentRefusedError(
                OutcomeCode.REQUEST_CLOSED, f"Request {said.request} waits for no answer any more. Nothing was changed."
            )
        await self._consents.tell()
        self.when_changed()
        return outcome

    async def mark_read(self, answer_id: int) -> None:
        """Note that the holder has read an answer; said again it changes nothing."""

        def write(database: Database) -> bool:
            rows = database.query(
                "UPDATE answers SET state = ? WHERE number = ? AND state = ? RETURNING document",
                AnswerState.READ.value,
                answer_id,
                AnswerState.UNREAD.value,
            )
            for (document,) in rows:
                self._report(database, digest_of(document), OutcomeCode.ACKNOWLEDGED)
            return bool(rows)

        if await self._store.transact(write):
            await self._consents.tell()
            self.when_changed()

    async def object_to(self, answer_id: int, *, actor: Actor, channel: Channel) -> bool:
        """Let a request wait again whose newest answer the holder objects to; the operator hears of that.

        Returns:
            False where that answer counts no more: it was objected to before, or there is a newer one.
        """
        now = self._read_clocks()

        def write(database: Database) -> bool:
            rows = database.query(
                "SELECT answers.request, requests.closed FROM answers JOIN requests ON requests.number = request "
                "WHERE answers.number = ? AND state <> ? AND closed IS NOT NULL "
                "AND answers.number = (SELECT max(number) FROM answers AS other WHERE other.request = answers.request)",
                answer_id,
                AnswerState.OBJECTED.value,
            )
            for request, decision in rows:
                database.execute("UPDATE answers SET state = ? WHERE number = ?", AnswerState.OBJECTED.value, answer_id)
                # From now on the days count again by which an answer is due.
                database.execute(
                    "UPDATE requests SET closed = NULL, closed_at = NULL, objected = 1, waits_s = ?, due = NULL "
                    "WHERE number = ?",
                    witnessed_s(database, now),
                    request,
                )
                about = f"{decision}:{request}"
                self._consents.append_within(database, LedgerAction.OBJECTION, about, actor, channel)
            return bool(rows)

        if objected := await self._store.transact(write):
            await self._consents.tell()
            self.when_changed()
        return objected


def _newest(database: Database) -> Mapping[int, StoredAnswer]:
    # Rising, so that the newest of a request is what is left.
    rows = database.query("SELECT request, number, said, issued_at, state FROM answers ORDER BY number")
    return {
        request: StoredAnswer(number, AnswerDocument.model_validate_json(said), issued_at, AnswerState(state))
        for request, number, said, issued_at, state in rows
    }
