"""Errands about the holder's consents."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from firmware.errands.runner import Handler
from firmware.phone.consent_answers import ConsentRow, ConsentsRead
from firmware.phone.consent_errands import Activate, ReadConsents, SetConsent, WithdrawOptional
from firmware.phone.errands import Errand
from firmware.phone.purpose import Channel, Purpose
from firmware.privacy.consent import ConsentState, LedgerAction
from firmware.privacy.purposes import NEEDED, PURPOSE_TEXTS
from firmware.storage.consents import Consents
from firmware.storage.errors import LedgerDamagedError

_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905 - reads best so


class ConsentErrands:
    """Reads and changes the answers for each purpose; a change is asked for by the keys of the handset."""

    def __init__(self, consents: Consents, language: Callable[[], str]) -> None:
        """`language` tells which one the display speaks now."""
        self._consents = consents
        self._language = language

    @property
    def handlers(self) -> Mapping[type[Errand], Handler]:
        """What the runner needs."""
        return {
            ReadConsents: self._read,
            SetConsent: self._set,
            WithdrawOptional: self._withdraw_optional,
            Activate: self._activate,
        }

    async def _read(self, _errand: ReadConsents) -> ConsentsRead:
        return self._rows(await self._consents.state())

    async def _set(self, errand: SetConsent) -> ConsentsRead:
        answer = self._consents.grant if errand.granted else self._consents.withdraw
        try:
            state = await answer(errand.purpose, actor=errand.actor, channel=Channel.KEYPAD)
        except LedgerDamagedError:
            state = await self._consents.state()
        return self._rows(state)

    async def _withdraw_optional(self, errand: WithdrawOptional) -> ConsentsRead:
        try:
            state = await self._consents.withdraw_optional(actor=errand.actor, channel=Channel.KEYPAD)
        except LedgerDamagedError:
            state = await self._consents.state()
        return self._rows(state)

    async def _activate(self, errand: Activate) -> ConsentsRead:
        await self._consents.append(LedgerAction.ACTIVATE, errand.age_band, errand.actor, Channel.KEYPAD)
        return self._rows(await self._consents.state())

    def _rows(self, state: ConsentState) -> ConsentsRead:
        rows = tuple(self._row(purpose, state) for purpose in sorted(Purpose, key=lambda each: each not in NEEDED))
        private = not any(row.granted for row in rows if not row.needed)
        return ConsentsRead(rows, private, not state.intact)

    def _row(self, purpose: Purpose, state: ConsentState) -> ConsentRow:
        text, answer = PURPOSE_TEXTS[purpose], state.purposes[purpose]
        return ConsentRow(
            purpose=purpose,
            name=text.name,
            covers=text.covers,
            recipients=text.recipients,
            granted=answer.granted,
            needed=purpose in NEEDED,
            since=_day(answer.since, self._language()) if answer.since else "",
            asked=answer.asked,
        )


def _day(at: str, language: str) -> str:
    local = datetime.fromisoformat(at).astimezone()
    if language == "zh":
        return f"{local.year}年{local.month}月{local.day}日"
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
