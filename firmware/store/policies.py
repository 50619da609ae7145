"""The privacy policies in the store, and what follows when one of them takes effect."""

from datetime import date
from importlib import resources
from typing import Final

from pydantic import TypeAdapter

from contract.consent import Actor, Channel, Purpose
from contract.results import OutcomeCode
from firmware.phone.requests.policies import PolicyState
from firmware.privacy.catalogue import POLICY_VERSION
from firmware.privacy.consent import LedgerAction
from firmware.privacy.policy import (
    KeptPolicies,
    KeptPolicy,
    Policy,
    Witness,
    add,
    advance,
    changes_since,
    in_force,
    show,
)
from firmware.store.database import Database, Row
from firmware.store.documents import OperatorDocuments, digest_of
from firmware.store.ledger import read_head
from provisioning.documents import BothTexts, PolicyDocument, read_content, split_paragraphs
from provisioning.signed import DocumentRefusedError
from provisioning.trust import Kind

_WITNESS: Final = TypeAdapter(Witness)
_COLUMNS: Final = "position, said, state, witness"

BUILT_IN_VERSION: Final = "2026-11-30"
"""The policy that this firmware brings along, in force until the operator sends another."""

_BEFORE: Final = PolicyDocument(
    version=POLICY_VERSION,
    date=date.fromisoformat(POLICY_VERSION),
    text=BothTexts(
        en=("This phone agreed to a policy of this date before it kept their texts. Ask the operator for it.",),
        zh=("话机在保存政策文本之前已采用此日期的政策。请向运营商索取。",),
    ),
)
"""Stands for the policy that answers in an older firmware's ledger refer to."""


def built_in_policy() -> PolicyDocument:
    """Read the policy that this firmware brings along."""
    folder = resources.files("firmware.privacy") / "texts"
    texts = {
        language: split_paragraphs((folder / f"policy.{language}.txt").read_text(encoding="utf-8"), language)
        for language in ("en", "zh")
    }
    return PolicyDocument(
        version=BUILT_IN_VERSION,
        date=date.fromisoformat(BUILT_IN_VERSION),
        text=BothTexts(en=texts["en"], zh=texts["zh"]),
    )


def version_in_force(database: Database) -> str:
    """Return the version of the policy that counts; on a phone whose holder has read none, of the one to be read."""
    rows = database.query("SELECT version FROM policies ORDER BY state = 'in_force' DESC, position DESC LIMIT 1")
    return str(rows[0][0]) if rows else POLICY_VERSION


def read_policies(database: Database) -> tuple[KeptPolicy, ...]:
    """Return the policies that are kept, oldest first."""
    rows = database.query(f"SELECT {_COLUMNS} FROM policies ORDER BY position")  # noqa: S608 - our own names
    return tuple(map(_kept, rows))


class StoredPolicies(OperatorDocuments):
    """The privacy policies.

    Each change is one transaction with what it means for the ledger and the consents. What the clock has counted is
    written each time, so that a power cut costs what was counted since, and never shortens what is left.
    """

    async def kept(self) -> tuple[KeptPolicy, ...]:
        """Return the policies that are kept, oldest first."""
        return await self._store.run(read_policies)

    async def prepare(self) -> None:
        """Put the firmware's own policy among the others, where the operator has sent none."""

        def write(database: Database) -> bool:
            policies = read_policies(database)
            if not policies and read_head(database).entries:
                _add(database, policies, _BEFORE, None)
                database.execute("UPDATE policies SET state = ?", PolicyState.IN_FORCE)
                policies = read_policies(database)
            if any(kept.policy.version == BUILT_IN_VERSION for kept in policies) or _operator_has_sent_one(database):
                return False
            _add(database, policies, built_in_policy(), None)
            return True

        if await self._store.transact(write):
            self.when_changed()

    async def admit(self, document: bytes) -> OutcomeCode:
        """Take a signed policy: it is to be read from now on.

        Raises:
            DocumentRefusedError: it is not taken; says why.
        """
        statement = self._register.verify(document, Kind.POLICY)
        said = read_content(statement, PolicyDocument)

        def write(database: Database) -> bool:
            if not self._register.admit(database, Kind.POLICY, document, statement):
                return False
            policies = read_policies(database)
            namesake = next((kept for kept in policies if kept.policy.version == said.version), None)
            if namesake is None:
                _add(database, policies, said, document)
            elif namesake.policy != _policy(said):
                raise DocumentRefusedError(
                    OutcomeCode.OLD,
                    f"There is a policy {said.version} already, and it says something else. Rename this.",
                )
            return namesake is None

        if await self._store.transact(write):
            self.when_changed()
        return OutcomeCode.TAKEN

    async def note_shown(self, version: str) -> None:
        """Note that the holder has read the policy that waits to be read to its end; its days begin now."""
        now = self._read_clocks()

        def write(database: Database) -> bool:
            before = read_policies(database)
            after = show(before, version, now)
            if after == before:
                return False
            _update(database, before, after)
            self._consents.append_within(database, LedgerAction.POLICY_SHOWN, version, Actor.HOLDER, Channel.KEYPAD)
            self._tell_operator(database, version, OutcomeCode.SHOWN)
            self._take_effect(database, before, after)
            return True

        if await self._store.transact(write):
            await self._consents.tell()
            self.when_changed()

    async def count(self) -> None:
        """Count the time that has passed, and let a policy take effect whose days are over; called now and then."""
        now = self._read_clocks()

        def write(database: Database) -> bool:
            before = read_policies(database)
            after = advance(before, now)
            _update(database, before, after)
            return self._take_effect(database, before, after)

        if await self._store.transact(write):
            await self._consents.tell()
            self.when_changed()

    def _take_effect(self, database: Database, before: KeptPolicies, after: KeptPolicies) -> bool:
        old, new = in_force(before), in_force(after)
        if new is None or (old is not None and old.position == new.position):
            return False
        changed = changes_since(after, old.position if old is not None else 0, new.position)
        self._consents.append_within(
            database, LedgerAction.POLICY_IN_FORCE, new.policy.version, Actor.POLICY, Channel.HANDSET
        )
        self._consents.lapse_within(database, changed, Channel.HANDSET)
        self._tell_operator(database, new.policy.version, OutcomeCode.IN_FORCE)
        return True

    def _tell_operator(self, database: Database, version: str, outcome: OutcomeCode) -> None:
        for (document,) in database.query(
            "SELECT document FROM policies WHERE version = ? AND document IS NOT NULL", version
        ):
            self._report(database, digest_of(document), outcome)


def _operator_has_sent_one(database: Database) -> bool:
    return bool(database.query("SELECT 1 FROM policies WHERE document IS NOT NULL LIMIT 1"))


def _add(database: Database, policies: KeptPolicies, said: PolicyDocument, document: bytes | None) -> None:
    after = add(policies, _policy(said))
    new = after[-1]
    _update(database, policies, after)
    database.execute(
        "INSERT INTO policies (position, version, said, document, state) VALUES (?, ?, ?, ?, ?)",
        new.position,
        said.version,
        said.model_dump_json(),
        document,
        new.state,
    )


def _update(database: Database, before: KeptPolicies, after: KeptPolicies) -> None:
    """Write what has changed; what is replaced first, for there is never more than one in force."""
    changed = [new for old, new in zip(before, after, strict=False) if new != old]
    for kept in sorted(changed, key=lambda kept: kept.state is PolicyState.IN_FORCE):
        witness = None if kept.witness is None else _WITNESS.dump_json(kept.witness).decode()
        database.execute(
            "UPDATE policies SET state = ?, witness = ? WHERE position = ?", kept.state, witness, kept.position
        )


def _kept(row: Row) -> KeptPolicy:
    position, said, state, witness = row
    policy = _policy(PolicyDocument.model_validate_json(said))
    return KeptPolicy(
        position, policy, PolicyState(state), None if witness is None else _WITNESS.validate_json(witness)
    )


def _policy(said: PolicyDocument) -> Policy:
    # A purpose that this firmware does not know is one for which it does nothing.
    known = (purpose for purpose in Purpose if purpose in said.asks_again)
    return Policy(said.version, said.date.isoformat(), {"en": said.text.en, "zh": said.text.zh}, frozenset(known))
