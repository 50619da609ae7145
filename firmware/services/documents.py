"""Requests about the operator's documents: policies and notices are read, and noted as read."""

from collections.abc import Callable
from datetime import UTC, datetime

from contract.consent import Purpose
from firmware.base.errors import StorageError
from firmware.phone.requests.policies import (
    AcknowledgeNotice,
    ListPolicies,
    NoticeRow,
    PolicyRead,
    PolicyRow,
    PolicyShown,
    ReadNotices,
    ReadPolicy,
)
from firmware.privacy.policy import KeptPolicy, changes_since, in_force
from firmware.services.runner import Handlers
from firmware.store.catalogues import StoredCatalogues
from firmware.store.notices import StoredNotice, StoredNotices
from firmware.store.policies import StoredPolicies


class DocumentErrands:
    """Reads policies and notices in the display's language."""

    def __init__(
        self,
        policies: StoredPolicies,
        notices: StoredNotices,
        catalogues: StoredCatalogues,
        language: Callable[[], str],
    ) -> None:
        """Set up.

        Args:
            policies: what is read, and noted as read.
            notices: likewise.
            catalogues: what purposes are called in.
            language: which one the display speaks now.
        """
        self._policies = policies
        self._stored_notices = notices
        self._catalogues = catalogues
        self._language = language

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {
            ListPolicies: self._list,
            ReadPolicy: self._read,
            PolicyShown: self._note_shown,
            ReadNotices: self._read_notices,
            AcknowledgeNotice: self._acknowledge,
        }

    async def _list(self, _request: ListPolicies) -> tuple[PolicyRow, ...]:
        policies = await self._policies.kept()
        return tuple(map(_row, reversed(policies)))

    async def _read(self, request: ReadPolicy) -> PolicyRead:
        return await self._policy(request.version)

    async def _note_shown(self, request: PolicyShown) -> PolicyRead:
        await self._policies.note_shown(request.version)
        return await self._policy(request.version)

    async def _policy(self, version: str) -> PolicyRead:
        policies = await self._policies.kept()
        found = [kept for kept in policies if not version or kept.policy.version == version]
        if not found:
            raise StorageError("This policy is not kept any more. Choose another one.")
        kept, counting = found[-1], in_force(policies)
        before = counting.position if counting is not None else 0
        changes = changes_since(policies, before, kept.position) if counting is not None else frozenset()
        language = self._language()
        catalogue = await self._catalogues.current()
        names = tuple(catalogue.entry(purpose).name.in_language(language) for purpose in Purpose if purpose in changes)
        return PolicyRead(_row(kept), kept.policy.paragraphs(language), names)

    async def _read_notices(self, _request: ReadNotices) -> tuple[NoticeRow, ...]:
        return await self._notices()

    async def _acknowledge(self, request: AcknowledgeNotice) -> tuple[NoticeRow, ...]:
        await self._stored_notices.acknowledge(request.notice_id)
        return await self._notices()

    async def _notices(self) -> tuple[NoticeRow, ...]:
        language = self._language()
        return tuple(_notice(each, language) for each in await self._stored_notices.to_show())


def _row(kept: KeptPolicy) -> PolicyRow:
    return PolicyRow(kept.policy.version, kept.policy.date, kept.state, kept.days_left)


def _notice(notice: StoredNotice, language: str) -> NoticeRow:
    said = notice.said
    is_chinese = language == "zh"
    return NoticeRow(
        notice.notice_id,
        said.title.zh if is_chinese else said.title.en,
        said.text.zh if is_chinese else said.text.en,
        f"{datetime.fromtimestamp(notice.issued_at, UTC):%Y-%m-%d}",
        said.incident,
        notice.acknowledged,
    )
