"""Whether this handset can call, as its fleet is told: what stands, not each registration that comes and goes."""

import asyncio
from contextlib import suppress
from typing import Final

from firmware.phone.call import RegistrationState
from firmware.phone.view import PhoneView

STANDS_S: Final = 30.0
"""A change is told once it has stood for so long: a renewed registration, a change of network, a voice or a registrar
that is started anew is shorter."""


class LineWatch:
    """Sees each view of the phone, and lets others wait for what they have not heard.

    It is a fact of the device: that an account is registered. Whether the holder locks the phone, has not activated it
    or does not want to be disturbed has no part in it. Who has no account cannot call.

    Attributes:
        can_call: an account at least can call; None after the start, until one can or none could for STANDS_S.
    """

    def __init__(self) -> None:
        self.can_call: bool | None = None
        self._seen: bool | None = None
        self._settling: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()

    def note_view(self, view: PhoneView) -> None:
        """See what the phone does now; in the main loop."""
        seen = any(line.state is RegistrationState.REGISTERED for line in view.lines)
        if seen is self._seen:
            return
        self._seen = seen
        if self._settling is not None:
            self._settling.cancel()
        is_first = seen and self.can_call is None
        self._settling = asyncio.get_running_loop().call_later(0 if is_first else STANDS_S, self._settle)

    async def until_other(self, heard: bool | None, timeout_s: float) -> bool | None:
        """Wait until `can_call` is known and not what was heard last; None if not in that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.can_call is None or self.can_call is heard:
                    self._settled.clear()
                    await self._settled.wait()
                return self.can_call
        return None

    def _settle(self) -> None:
        self.can_call = self._seen
        self._settled.set()
