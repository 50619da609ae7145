"""Asks a server that is not in use whether it is there, without disturbing the account that uses another."""

import logging
from collections.abc import Callable
from typing import Any, Final

import pjsua2

from firmware.voice.sip.native import guarded
from firmware.voice.sip.scheduler import Scheduler

_log = logging.getLogger(__name__)

# Of the library's eight accounts (PJSUA_MAX_ACC) six may be the holder's.
_MAX_PROBES: Final = 2


class _ProbeAccount(pjsua2.Account):  # type: ignore[misc]  # pjsua2 has no types
    """An account that registers nowhere and sends one OPTIONS (RFC 3261 section 11)."""

    def __init__(self, when_ended: Callable[[bool], None]) -> None:
        super().__init__()
        self._when_ended: Callable[[bool], None] | None = when_ended

    @guarded
    def onSendRequest(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Hear what became of it; any answer will do."""
        when_ended, self._when_ended = self._when_ended, None
        if when_ended is not None:
            when_ended(parameters.e.body.tsxState.type == pjsua2.PJSIP_EVENT_RX_MSG)

    def forget(self) -> None:
        """Tell nobody."""
        self._when_ended = None


class ServerProbes:
    """Sends such requests, few at a time. Lives on the `sip` thread; one a library."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._probes: set[_ProbeAccount] = set()

    def ask(self, configuration: Any, target: str, done: Callable[[bool], None]) -> None:
        """Send OPTIONS and call `done` with whether there was an answer, after half a minute at most.

        Args:
            configuration: an account's that would use the server.
            target: the URI to ask.
            done: called exactly once, unless the library is destroyed before.
        """
        if len(self._probes) >= _MAX_PROBES:
            self._scheduler.after(0, lambda: done(False))
            return

        def ended(answered: bool) -> None:
            # Once the callback has returned: the object must not go while its own method runs.
            self._scheduler.after(0, lambda: self._end(probe))
            done(answered)

        probe = _ProbeAccount(ended)
        configuration.regConfig.registrarUri = ""
        configuration.mwiConfig.enabled = False
        request = pjsua2.SendRequestParam()
        request.method = "OPTIONS"
        request.txOption.targetUri = target
        self._probes.add(probe)
        try:
            probe.create(configuration, False)
            probe.sendRequest(request)
        except pjsua2.Error as error:
            _log.debug("A server could not be asked whether it is there: %s.", error.reason)
            self._scheduler.after(0, lambda: ended(False))

    def close(self) -> None:
        """End them all; the library is about to be destroyed."""
        for probe in self._probes:
            probe.forget()

    def forget(self) -> None:
        """Let go of the library's objects, once it is destroyed."""
        self._probes.clear()

    def _end(self, probe: _ProbeAccount) -> None:
        self._probes.discard(probe)
        # Without its number the library would give an incoming call to it.
        probe.shutdown()
