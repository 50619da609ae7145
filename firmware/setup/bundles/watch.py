"""What the handset is doing, for whoever must not disturb it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from firmware.phone.call import CallState
from firmware.phone.menu_views import EntryView
from firmware.phone.view import Mode, PhoneView
from firmware.ports.broker import BrokerState

_IN_USE: Final = frozenset({Mode.WRITING, Mode.LISTENING})
_COURTESY_S: Final = 600.0
"""Whoever has not put away by then what they were writing has gone."""

_AT_WORK: Final = frozenset({Mode.COLLECTING_DIGITS, Mode.OUTGOING, Mode.RINGING, Mode.IN_CALL, Mode.REDIALLING})


class PhoneWatch:
    """Sees each view of the phone and each word of the sync process's, and lets others wait for what they tell.

    Attributes:
        view: the latest; None before the first.
        broker: how it stands with the broker; None before the sync process has said so.
    """

    def __init__(self) -> None:
        self.view: PhoneView | None = None
        self.broker: BrokerState | None = None
        self._changed = asyncio.Event()

    def note_view(self, view: PhoneView) -> None:
        """See what the phone does now."""
        self.view = view
        self._changed.set()

    def note_broker(self, state: BrokerState) -> None:
        """Hear how it stands with the broker."""
        self.broker = state
        self._changed.set()

    @property
    def is_quiet(self) -> bool:
        """Whether nobody calls, is called, or is about to call: the handset may start anew and nothing is cut off."""
        if (view := self.view) is None or view.off_hook or view.speaker or view.mode in _AT_WORK:
            return False
        calls = (view.call, *view.other_calls)
        return all(call is None or call.state is CallState.DISCONNECTED for call in calls)

    async def until(self, reached: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Wait for something to be so; False where it is not in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not reached():
                    self._changed.clear()
                    await self._changed.wait()
                return True
        return False

    async def until_quiet(self, *, expected: bool = True) -> None:
        """Wait until nothing would be cut off; where nobody here expects it, a while for whoever writes or listens."""

        def is_left_alone() -> bool:
            view = self.view
            in_use = view is None or view.mode in _IN_USE or isinstance(view.menu, EntryView)
            return self.is_quiet and not in_use

        if not expected:
            await self.until(is_left_alone, _COURTESY_S)
        await self.until(lambda: self.is_quiet)
