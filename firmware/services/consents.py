"""Requests about the holder's consents."""

from collections.abc import Callable
from datetime import datetime

from contract.consent import Channel, Purpose
from firmware.phone.requests.consents import (
    Activate,
    ConsentRow,
    ConsentsRead,
    ReadConsents,
    ReadReceipt,
    SetConsent,
    WithdrawOptional,
)
from firmware.privacy.catalogue import NEEDED, Catalogue
from firmware.privacy.consent import ConsentState, LedgerAction
from firmware.privacy.receipts import Issuer, summary
from firmware.services.dates import day_in_words
from firmware.services.runner import Handlers
from firmware.store.catalogues import StoredCatalogues
from firmware.store.consents import Consents
from firmware.store.errors import LedgerDamagedError


class ConsentErrands:
    """Reads and changes the answers for each purpose; a change is asked for by the keys of the handset."""

    def __init__(
        self, consents: Consents, catalogues: StoredCatalogues, issuer: Issuer, language: Callable[[], str]
    ) -> None:
        """Set up.

        Args:
            consents: what is read and changed.
            catalogues: what each purpose is told of with.
            issuer: whose receipts these are.
            language: which one the display speaks now.
        """
        self._consents = consents
        self._catalogues = catalogues
        self._issuer = issuer
        self._language = language

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {
            ReadConsents: self._read,
            SetConsent: self._set,
            WithdrawOptional: self._withdraw_optional,
            Activate: self._activate,
            ReadReceipt: self._read_receipt,
        }

    async def _read(self, _request: ReadConsents) -> ConsentsRead:
        return await self._rows(await self._consents.state())

    async def _set(self, request: SetConsent) -> ConsentsRead:
        answer = self._consents.grant if request.granted else self._consents.withdraw
        try:
            state = await answer(request.purpose, actor=request.actor, channel=Channel.KEYPAD)
        except LedgerDamagedError:
            state = await self._consents.state()
        return await self._rows(state)

    async def _withdraw_optional(self, request: WithdrawOptional) -> ConsentsRead:
        try:
            state = await self._consents.withdraw_optional(actor=request.actor, channel=Channel.KEYPAD)
        except LedgerDamagedError:
            state = await self._consents.state()
        return await self._rows(state)

    async def _activate(self, request: Activate) -> ConsentsRead:
        await self._consents.append(LedgerAction.ACTIVATE, request.age_band, request.actor, Channel.KEYPAD)
        return await self._rows(await self._consents.state())

    async def _read_receipt(self, request: ReadReceipt) -> str:
        number = (await self._consents.state()).purposes[request.purpose].entry_number
        answer = next((entry for entry in await self._consents.entries() if entry.number == number), None)
        return summary(answer, self._issuer) if answer is not None else ""

    async def _rows(self, state: ConsentState) -> ConsentsRead:
        catalogue = await self._catalogues.current()
        rows = tuple(
            self._row(purpose, state, catalogue) for purpose in sorted(Purpose, key=lambda each: each not in NEEDED)
        )
        private = not any(row.granted for row in rows if not row.needed)
        return ConsentsRead(rows, private, not state.intact)

    def _row(self, purpose: Purpose, state: ConsentState, catalogue: Catalogue) -> ConsentRow:
        entry, answer, language = catalogue.entry(purpose), state.purposes[purpose], self._language()
        return ConsentRow(
            purpose=purpose,
            name=entry.name.in_language(language),
            covers=entry.covers.in_language(language),
            recipients=entry.recipients.in_language(language),
            granted=answer.granted,
            needed=purpose in NEEDED,
            since=day_in_words(datetime.fromisoformat(answer.since).timestamp(), language) if answer.since else "",
            asked=answer.asked,
        )
