"""An operator with a key, and a store that takes what it signs."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.results import OutcomeCode
from firmware.privacy.policy import Reading
from firmware.store.answers import StoredAnswers
from firmware.store.catalogues import StoredCatalogues
from firmware.store.database import Database
from firmware.store.documents import Addressee, DocumentRegister
from firmware.store.notices import StoredNotices
from firmware.store.policies import StoredPolicies, version_in_force
from provisioning.signed import Statement, sign
from provisioning.trust import Kind, TrustedKey
from tests.lab.store import StoreLab

FLEET: Final = "shop"
DEVICE: Final = "handset-7"
DAY_S: Final = 86_400
SEED: Final = bytes(range(32))
"""The same key in each process of a test."""


def public_key_text(key: Ed25519PrivateKey) -> str:
    """Return the public half of a key as the configuration wants it."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode("ascii")


class Operator:
    """Signs policies, notices and answers for the handsets of a fleet."""

    def __init__(self, at: datetime = datetime(2026, 3, 1, tzinfo=UTC)) -> None:
        self.at = at
        self.key = Ed25519PrivateKey.from_private_bytes(SEED)
        self.trusted = TrustedKey(
            public=public_key_text(self.key), signs=frozenset(set(Kind) - {Kind.BUNDLE, Kind.FIRMWARE, Kind.UPDATE})
        )

    def statement(self, number: int, content: Mapping[str, object], **changes: object) -> Statement:
        values = {
            "number": number,
            "fleet": FLEET,
            "issued_at": self.at,
            "not_after": self.at + timedelta(days=90),
            "content": content,
        }
        return Statement.model_validate(values | changes)

    def policy(
        self, number: int, version: str, *asks_again: str, words: str = "New rules.", **changes: object
    ) -> bytes:
        content = {
            "version": version,
            "date": "2026-03-01",
            "text": {"en": [words, "That is all."], "zh": ["新规则。", "就这些。"]},
            "asks_again": list(asks_again),
        }
        return sign(Kind.POLICY, self.statement(number, content, **changes), self.key)

    def notice(self, number: int, *, incident: bool = True, title: str = "Leak", **changes: object) -> bytes:
        content = {
            "incident": incident,
            "title": {"en": title, "zh": "泄露"},
            "text": {"en": ["A list was lost."], "zh": ["一份名单丢失。"]},
        }
        return sign(Kind.NOTICE, self.statement(number, content, **changes), self.key)

    def answer(
        self,
        number: int,
        request: int,
        epoch: int,
        decision: str = "granted",
        *,
        device: str = DEVICE,
        **changes: object,
    ) -> bytes:
        content = {
            "request": request,
            "epoch": epoch,
            "decision": decision,
            "text": {"en": ["It is done."], "zh": ["已办理。"]},
        }
        return sign(Kind.ANSWER, self.statement(number, content, **{"devices": (device,)} | changes), self.key)

    def reset(self, request: int, serial: str, *, device: str = DEVICE, **changes: object) -> bytes:
        content = {"serial": serial, "request": request}
        return sign(Kind.RESET, self.statement(1, content, **{"devices": (device,)} | changes), self.key)

    def catalogue(self, number: int, content: Mapping[str, object], **changes: object) -> bytes:
        return sign(Kind.CATALOGUE, self.statement(number, content, **changes), self.key)


class DocumentLab(StoreLab):
    """A store with the operator's documents in it; what is reported to the operator is in `reports`."""

    def __init__(self, folder: Path) -> None:
        self.operator = Operator()
        self.boot_id = "boot 1"
        self.reports: list[OutcomeCode] = []
        self.changes = 0
        self.proven_s = 0.0
        super().__init__(folder)

    def make_parts(self) -> None:
        super().make_parts()
        self.consents._policy_version = version_in_force
        addressee = Addressee(FLEET, DEVICE, (self.operator.trusted,))
        register = DocumentRegister(addressee, self.read_clocks, lambda: self.proven_s)
        self.policies = StoredPolicies(self.store, self.consents, register, self.read_clocks, self._report)
        self.notices = StoredNotices(self.store, self.consents, register, self.read_clocks, self._report)
        self.catalogues = StoredCatalogues(self.store, self.consents, register)
        self.answers = StoredAnswers(self.store, self.consents, register, self.read_clocks, self._report, device=DEVICE)
        for each in (self.policies, self.notices, self.answers):
            each.when_changed = self._count_change

    def read_clocks(self) -> Reading:
        return Reading(self.boot_id, self.monotonic_s, self.wall_s, self.synced)

    async def versions(self) -> dict[str, str]:
        """Return each policy's state by its version."""
        return {kept.policy.version: kept.state.value for kept in await self.policies.kept()}

    def _report(self, _database: Database, digest: str, outcome: OutcomeCode) -> None:
        assert len(digest) == 64
        self.reports.append(outcome)

    def _count_change(self) -> None:
        self.changes += 1
