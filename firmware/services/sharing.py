"""Requests about what left the handset."""

from collections.abc import Callable
from datetime import datetime

from firmware.phone.request import Stretch
from firmware.phone.requests.shares import ReadShares, SharedRow
from firmware.services.dates import date_in_words
from firmware.services.runner import Handlers
from firmware.store.shares import DayOfShares, StoredShares


class SharingErrands:
    """Reads who got what from the outbox's own log."""

    def __init__(self, shares: StoredShares, language: Callable[[], str]) -> None:
        """`language` tells which one the display speaks now."""
        self._shares = shares
        self._language = language

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {ReadShares: self._read}

    async def _read(self, request: ReadShares) -> Stretch[SharedRow]:
        total, days = await self._shares.days(request.first, request.limit)
        return Stretch(request.first, total, tuple(self._row(day) for day in days))

    def _row(self, day: DayOfShares) -> SharedRow:
        return SharedRow(
            recipient=day.recipient,
            kind=day.topic,
            day=date_in_words(datetime.fromisoformat(day.day).timestamp(), self._language()),
            count=day.count,
            arrived=day.with_broker,
            confirmed=day.confirmed,
            confirmed_by=", ".join(day.collectors),
            taken_back=day.erased,
        )
