"""Looks whether a server is there: often while something happens, and ever more rarely while nothing does."""

from collections.abc import Callable
from typing import Final, Protocol

from firmware.voice.sip.scheduler import Appointment, Scheduler

# Each unanswered probe is repeated by its transaction for 32 s, so a few at a time notice a server that is back.
_MAX_PROBES: Final = 3

# For so long after the last call or change nothing is eased; after ten times as long all is.
_LIVELY_S: Final = 60.0


class Attention:
    """The seconds between looks at one server, by how long it has been quiet."""

    def __init__(self, clock: Callable[[], float], *, probe_s: float, idle_probe_s: float, check_s: float) -> None:
        """Begin as after a change.

        Args:
            clock: seconds, monotonic.
            probe_s: between OPTIONS while something happens.
            idle_probe_s: between them after ten quiet minutes; `probe_s` or less eases nothing.
            check_s: between REGISTERs that look whether the registrar has forgotten us, while something happens; they
                ease off with the square, until those that renew the registration are all that is left.
        """
        self._clock = clock
        self._probe_s = probe_s
        self._most = max(1.0, idle_probe_s / probe_s)
        self._check_s = check_s
        self._since_s = clock()

    def renew(self) -> None:
        """Look often again: there is a call, or something has changed."""
        self._since_s = self._clock()

    @property
    def is_eased(self) -> bool:
        """Looks are rarer than while something happens."""
        return self._factor > 1

    @property
    def probe_s(self) -> float:
        """Seconds between OPTIONS now."""
        return self._probe_s * self._factor

    @property
    def check_s(self) -> float:
        """Seconds between REGISTERs now."""
        return self._check_s * self._factor**2

    @property
    def _factor(self) -> float:
        return min(self._most, max(1.0, (self._clock() - self._since_s) / _LIVELY_S))


class Watched(Protocol):
    """What is looked at: `registration.Line` has it."""

    def register(self) -> None: ...
    def probe(self) -> None: ...
    def keep_open(self) -> None: ...
    @property
    def is_busy(self) -> bool: ...


class Owner(Protocol):
    """Who has it looked at, and is told."""

    @property
    def is_registered(self) -> bool: ...
    def missed(self) -> bool: ...
    def verify(self) -> None: ...


class ServerWatch:
    """Sends OPTIONS, and the REGISTERs that notice that the server has forgotten us."""

    def __init__(
        self,
        line: Watched,
        scheduler: Scheduler,
        owner: Owner,
        *,
        probe_s: float | None,
        idle_probe_s: float,
        check_s: float,
    ) -> None:
        """Set up without sending anything; the arguments mean what they mean to a Registration."""
        self._line = line
        self._scheduler = scheduler
        self._owner = owner
        self._probe_s = probe_s
        self._check_s = check_s
        self._attention = Attention(scheduler.now_s, probe_s=probe_s or 1.0, idle_probe_s=idle_probe_s, check_s=check_s)
        self._next_probe: Appointment | None = None
        self._next_check: Appointment | None = None
        self._probes_out = 0
        self._is_answered = True
        # None until it is known.
        self._answers_probes: bool | None = None

    def renew(self) -> None:
        """Look often again: something has changed."""
        self._attention.renew()

    def begin(self) -> None:
        """Look at a server that has just taken a REGISTER."""
        self._is_answered = True
        self.probe_on()
        self._check_later()

    def probe_on(self) -> None:
        """Send OPTIONS from now on, unless the server answers none."""
        if self._probe_s is not None and self._next_probe is None and self._answers_probes is not False:
            self._is_answered = True
            # Whether a server answers at all is best known before it is missed.
            is_unknown = self._answers_probes is None and self._owner.is_registered
            self._next_probe = self._scheduler.after(0.0 if is_unknown else self._probe_s, self._send_probe)

    def rest(self) -> None:
        """Send no OPTIONS."""
        if self._next_probe is not None:
            self._next_probe.cancel()
            self._next_probe = None

    def leave(self) -> None:
        """Another server is in use from now on: what the last one still owes says nothing about it."""
        self.rest()
        self._probes_out = 0
        self._answers_probes = None

    def doubt(self) -> None:
        """The server answers nothing now: whether it answers probes is to be seen once more."""
        if self._answers_probes is False:
            self._answers_probes = None

    def stop(self) -> None:
        """Look no more."""
        self.rest()
        self._cancel_check()

    def probe_ended(self, *, answered: bool) -> None:
        """A probe was answered, with whatever code and be it late, or given up."""
        self._probes_out = max(0, self._probes_out - 1)
        if answered:
            self._is_answered = self._answers_probes = True

    def _probe(self) -> None:
        """Judge the last probe by now, and send the next one, after a rest where nothing happens."""
        if self._probe_s is None:
            return
        if self._owner.is_registered and not self._is_answered:
            if self._answers_probes is None:
                self._do_without_probes()
                return
            if not self._owner.missed():
                return
        self._mind_calls()
        rest_s = self._attention.probe_s - self._probe_s
        if self._owner.is_registered and rest_s > 0:
            self._next_probe = self._scheduler.after(rest_s, self._send_probe)
        else:
            self._send_probe()

    def _send_probe(self) -> None:
        if self._probe_s is None:
            return
        self._mind_calls()
        self._next_probe = self._scheduler.after(self._probe_s, self._probe)
        self._is_answered = False
        if self._probes_out < _MAX_PROBES:
            self._probes_out += 1
            self._line.probe()

    def _do_without_probes(self) -> None:
        """Ask by a REGISTER: some servers answer no OPTIONS at all, and are asked no more where they answer that."""
        self.rest()
        self._answers_probes = False
        self._probes_out = 0
        self._line.keep_open()
        self._owner.verify()

    def _mind_calls(self) -> None:
        if not self._line.is_busy:
            return
        was_eased = self._attention.is_eased
        self._attention.renew()
        if was_eased and self._owner.is_registered:
            self._check_later()

    def _check_later(self) -> None:
        self._cancel_check()
        if self._check_s:
            self._next_check = self._scheduler.after(self._attention.check_s, self._check)

    def _check(self) -> None:
        # Its answer begins the wait anew; where the library sends nothing, the next one does.
        self._check_later()
        if self._owner.is_registered:
            self._line.register()

    def _cancel_check(self) -> None:
        if self._next_check is not None:
            self._next_check.cancel()
            self._next_check = None
