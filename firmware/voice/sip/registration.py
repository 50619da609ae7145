"""When to register, when to try again, and what to tell the phone about it. Knows no SIP library."""

import logging
import math
import random
from collections.abc import Callable
from typing import Final, Protocol

from firmware.base.backoff import full_jitter_s
from firmware.phone.call import RegistrationFailure, RegistrationState
from firmware.phone.news import RegistrationChanged
from firmware.voice.sip.mapping import status_code
from firmware.voice.sip.scheduler import Appointment, Scheduler
from firmware.voice.sip.server_watch import ServerWatch

_log = logging.getLogger(__name__)

# A silent server would only be given up after 32 s (RFC 3261 section 17.1.2.2, timer F); people look earlier.
ANSWER_OVERDUE_S: Final = 5.0
# Where another server is waiting: requests are repeated after 0.5 and 1.5 s, so two may be lost.
SILENT_S: Final = 2.0
# Everybody who loses a server loses it at the same time.
FAIL_OVER_JITTER_S: Final = 0.5
# A server that is back is found within two seconds, by a packet or two each time, and by a thousand handsets at once.
KNOCK_S: Final = 1.5
# For some minutes: later the wait doubles, up to the cap.
_QUICK_KNOCKS: Final = 200
# They register over so long then, which leaves a small server time to greet each of them.
RETURN_JITTER_S: Final = 2.5
# How rarely the best server is asked whether it is back, where it keeps turning us away.
RETURN_CAP_S: Final = 600.0
_BUSY_S: Final = 5.0
_LACKS_OUTBOUND: Final = 439  # RFC 5626 section 4.2.1
_SERVER_FAILURE: Final = 500  # RFC 3261 section 21.5: another server may well do it

# Who is refused tries again after two minutes, then ever later: servers lock out an address that guesses five times in
# ten minutes (fail2ban's defaults), and behind one address are many phones.
_REFUSED_S: Final = 120.0
REFUSED_CAP_S: Final = 3600.0
# A change of network may be what was missing, but not again and again.
_REFUSED_AT_LEAST_S: Final = 60.0
# How soon after a change of address the registrar is asked again, where the library has not asked.
_CONFIRM_S: Final = 1.0
_CREDENTIALS = {RegistrationFailure.WRONG_PASSWORD, RegistrationFailure.ACCOUNT_UNKNOWN}
_OF_ONE_SERVER = {
    RegistrationFailure.SERVER_UNREACHABLE,
    RegistrationFailure.CERTIFICATE_REJECTED,
    RegistrationFailure.NO_NETWORK,
}


class Line(Protocol):
    """What registering needs from the SIP library, as `lines.AccountLine` has it; everything returns at once."""

    def prepare(self, done: Callable[[RegistrationFailure | None], None]) -> None: ...
    def register(self) -> None: ...
    def unregister(self) -> None: ...
    def probe(self) -> None: ...
    def keep_open(self) -> None: ...
    def do_without_flows(self) -> bool: ...
    def knock(self, done: Callable[[bool], None]) -> None: ...
    @property
    def has_others(self) -> bool: ...
    @property
    def is_at_first(self) -> bool: ...
    @property
    def is_busy(self) -> bool: ...
    @property
    def is_moving(self) -> bool: ...
    def next_server(self) -> bool: ...
    def return_to_first(self) -> None: ...
    def settle(self) -> None: ...
    def probe_first(self, done: Callable[[bool], None]) -> None: ...


class Registration:
    """Keeps one account registered."""

    def __init__(
        self,
        line: Line,
        scheduler: Scheduler,
        post: Callable[[RegistrationChanged], None],
        *,
        account: str = "",
        retry_base_s: float,
        retry_cap_s: float,
        probe_s: float | None,
        idle_probe_s: float = 0.0,
        binding_check_s: float = 0.0,
        return_s: float = 30.0,
        knocks: bool = False,
        rng: random.Random | None = None,
    ) -> None:
        """Set up without sending anything.

        Args:
            line: the account, to act through.
            scheduler: the thread's timers.
            post: takes what the phone should know.
            account: its name in what is posted.
            retry_base_s: longest wait before the first retry; the wait doubles from there.
            retry_cap_s: longest wait at all.
            probe_s: seconds between probes, None where the transport itself tells when the server is gone.
            idle_probe_s: seconds between them after ten quiet minutes, where that is more.
            binding_check_s: seconds between REGISTERs that notice that the server has forgotten us, 0 for none; they
                ease off as probes do.
            return_s: seconds between looks at whether a better server is back.
            knocks: a server that is lost is looked for by connections, which are cheap to refuse (RFC 5626 section 4.5
                asks for patience of those who register).
            rng: source of jitter.
        """
        self._line = line
        self._scheduler = scheduler
        self._post = post
        self._account = account
        self._retry_base_s = retry_base_s
        self._retry_cap_s = retry_cap_s
        self._watch = ServerWatch(
            line, scheduler, self, probe_s=probe_s, idle_probe_s=idle_probe_s, check_s=binding_check_s
        )
        self._rng = rng or random.Random()  # noqa: S311 - jitter keeps no secret
        self._state = RegistrationState.UNREGISTERED
        self._failed_attempts = 0
        self._refusals = 0
        self._attempted_s = -math.inf
        self._stopped = False
        self._retry: Appointment | None = None
        self._overdue: Appointment | None = None
        self._server_lost = False
        self._confirmation: Appointment | None = None
        self._home: Appointment | None = None
        self._return_s = self._home_s = return_s
        self._may_knock = knocks
        self._next_knock: Appointment | None = None
        self._knocks = 0
        self._opened_in_vain = False
        self._is_returning = False

    @property
    def is_registered(self) -> bool:
        """The registrar knows where this handset is."""
        return self._state is RegistrationState.REGISTERED

    def start(self) -> None:
        """Register as soon as the server's address is known."""
        self._attempt()

    def stop(self) -> None:
        """Unregister where registered, and do nothing more."""
        self._stopped = True
        self._watch.stop()
        for appointment in (self._retry, self._overdue, self._home, self._next_knock, self._confirmation):
            if appointment is not None:
                appointment.cancel()
        if self._state is RegistrationState.REGISTERED:
            self._line.unregister()

    def retry_now(self) -> None:
        """Try at once: the network has just changed."""
        if self._stopped:
            return
        self._watch.renew()
        self._failed_attempts = self._knocks = 0
        self._opened_in_vain = False
        since_s = self._scheduler.now_s() - self._attempted_s
        if self._refusals and since_s < _REFUSED_AT_LEAST_S:
            self._retry_in(_REFUSED_AT_LEAST_S - since_s)
        else:
            self._attempt()

    def succeeded(self) -> None:
        """The registrar has accepted."""
        self._cancel_overdue()
        self._cancel_retry()
        self._cancel_confirmation()
        if self._state is not RegistrationState.REGISTERED:
            self._watch.renew()
        self._failed_attempts = self._refusals = 0
        self._server_lost = self._opened_in_vain = self._is_returning = False
        self._knocks = 0
        self._line.settle()
        self._tell(RegistrationState.REGISTERED)
        self._watch.begin()
        self._look_home_later()

    def unregistered(self) -> None:
        """The registrar has let go of us."""
        self._tell(RegistrationState.UNREGISTERED)

    def failed(self, failure: RegistrationFailure, sip_code: int = 0, retry_after_s: int = 0) -> None:
        """The registrar refused, or could not be reached.

        Args:
            failure: why.
            sip_code: the response's status code, 0 where there was none.
            retry_after_s: when the server wants to hear from us again (RFC 3261 section 20.33).
        """
        if self._stopped or self._is_returning:
            # What becomes of a REGISTER from before the server was back says nothing of it.
            return
        self._cancel_overdue()
        if sip_code == _LACKS_OUTBOUND and self._line.do_without_flows():
            self._move_on()
            return
        another_may_do = failure in _OF_ONE_SERVER or sip_code >= _SERVER_FAILURE
        if another_may_do and self._line.next_server():
            self._move_on()
            return
        self._rest(failure, sip_code, retry_after_s)

    def _rest(self, failure: RegistrationFailure, sip_code: int = 0, retry_after_s: int = 0) -> None:
        if failure in _CREDENTIALS:
            delay_s = min(REFUSED_CAP_S, _REFUSED_S * 2.0 ** min(self._refusals, 10)) * self._rng.uniform(0.8, 1)
            self._refusals += 1
        else:
            delay_s = full_jitter_s(
                self._failed_attempts, base_s=self._retry_base_s, cap_s=self._retry_cap_s, rng=self._rng
            )
        delay_s = max(delay_s, min(float(retry_after_s), self._retry_cap_s))
        self._failed_attempts += 1
        self._cancel_confirmation()
        if failure is RegistrationFailure.SERVER_UNREACHABLE:
            self._server_lost = True
            self._watch.probe_on()
            self._knock_later()
        else:
            self._watch.rest()
        self._tell(RegistrationState.FAILED, failure, sip_code, delay_s)
        self._retry_in(delay_s)

    def connection_lost(self) -> None:
        """The connection that we registered over is gone."""
        if self._stopped or self._state is not RegistrationState.REGISTERED:
            return
        self._failed_attempts = 0
        if self._line.has_others:
            # It may only have cut the connection: what it says to the next REGISTER decides.
            self._move_on()
        else:
            self.failed(RegistrationFailure.SERVER_UNREACHABLE)

    def verify(self) -> None:
        """Find out whether the server still knows us."""
        if not self._stopped and self._state is RegistrationState.REGISTERED:
            self._watch.renew()
            self._prepared(None)

    def missed(self) -> bool:
        """The server in use has left a probe unanswered; False where another one is used from now on."""
        if self._line.next_server():
            self._move_on()
            return False
        self._server_lost = True
        self._tell(RegistrationState.FAILED, RegistrationFailure.SERVER_UNREACHABLE)
        self._retry_in(self._retry_cap_s)
        return True

    def moved(self) -> None:
        """Our address has changed and the library takes the binding along: that is true once the registrar says so."""
        if self._stopped or self._state is not RegistrationState.REGISTERED:
            return
        self._watch.renew()
        self._tell(RegistrationState.REGISTERING)
        self._cancel_overdue()
        self._overdue = self._scheduler.after(ANSWER_OVERDUE_S, self._answer_overdue)
        self._confirm_later()

    def _confirm_later(self) -> None:
        self._cancel_confirmation()
        self._confirmation = self._scheduler.after(_CONFIRM_S, self._confirm)

    def _confirm(self) -> None:
        self._confirmation = None
        if self._state is RegistrationState.REGISTERING:
            # One that is under way already is not sent twice.
            self._line.register()
            self._confirm_later()

    def leave_server(self) -> bool:
        """Move to the next server at once, since this one leaves a call unanswered; False where there is none."""
        # Where it is being left already, the next has not had its try: nothing has gone there yet.
        if self._stopped or not (self._line.is_moving or self._line.next_server()):
            return False
        self._failed_attempts = 0
        self._move_on()
        self._attempt()
        return True

    def probe_ended(self, *, answered: bool) -> None:
        """A probe was answered, with whatever code, or given up."""
        self._watch.probe_ended(answered=answered)
        if not answered or self._stopped:
            return
        if self._server_lost:
            self._failed_attempts = 0
            self._server_returned(min(self._retry_base_s, self._retry_cap_s))
        elif self.is_registered:
            # It may be later than it was waited for.
            self._watch.probe_on()

    def _move_on(self) -> None:
        """Register at the server that is in use now, very soon."""
        self._cancel_overdue()
        self._watch.leave()
        if self._state is not RegistrationState.FAILED:
            self._tell(RegistrationState.REGISTERING)
        self._retry_in(self._rng.uniform(0, FAIL_OVER_JITTER_S))

    def _attempt(self) -> None:
        self._cancel_retry()
        self._attempted_s = self._scheduler.now_s()
        self._is_returning = False
        # A failure stays on the display until it is over; it would flicker otherwise.
        if self._state is not RegistrationState.FAILED:
            self._tell(RegistrationState.REGISTERING)
        self._line.prepare(self._prepared)

    def _prepared(self, failure: RegistrationFailure | None) -> None:
        if self._stopped:
            return
        if failure is not None:
            self.failed(failure)
            return
        self._cancel_overdue()
        overdue_s = SILENT_S if self._line.has_others else ANSWER_OVERDUE_S
        self._overdue = self._scheduler.after(overdue_s, self._answer_overdue)
        self._line.register()

    def _answer_overdue(self) -> None:
        self._overdue = None
        if self._line.has_others:
            self.failed(RegistrationFailure.SERVER_UNREACHABLE)
            return
        self._server_lost = True
        self._watch.doubt()
        self._tell(RegistrationState.FAILED, RegistrationFailure.SERVER_UNREACHABLE)
        self._watch.probe_on()
        self._knock_later()

    def _knock_later(self) -> None:
        """Look soon whether the server is back, unless it was and did not take us."""
        if self._may_knock and self._next_knock is None and not self._opened_in_vain:
            slower = 2.0 ** min(max(0, self._knocks - _QUICK_KNOCKS), 32)
            wait_s = min(self._retry_cap_s, KNOCK_S * slower) * self._rng.uniform(0.5, 1)
            self._next_knock = self._scheduler.after(wait_s, self._knock)

    def _knock(self) -> None:
        self._knocks += 1
        self._line.knock(self._knocked)

    def _knocked(self, is_open: bool) -> None:
        self._next_knock = None
        if self._stopped or not self._server_lost:
            return
        if is_open:
            self._opened_in_vain = True
            self._server_returned(RETURN_JITTER_S)
        else:
            self._knock_later()

    def _server_returned(self, jitter_s: float) -> None:
        """Say so, and register: everybody who lost this server sees it return at the same time."""
        self._server_lost = False
        self._is_returning = True
        self._cancel_overdue()
        self._tell(RegistrationState.REGISTERING)
        self._retry_in(self._rng.uniform(0, jitter_s))

    def _look_home_later(self) -> None:
        if self._line.is_at_first:
            self._home_s = self._return_s
        elif self._home is None:
            self._home = self._scheduler.after(self._home_s * self._rng.uniform(0.5, 1), self._look_home)

    def _look_home(self) -> None:
        self._home = None
        if self._state is RegistrationState.REGISTERED and not self._line.is_at_first:
            self._line.probe_first(self._home_probed)

    def _home_probed(self, answered: bool) -> None:
        if answered:
            self._go_home()
        elif not self._stopped:
            self._look_home_later()

    def _go_home(self) -> None:
        self._home = None
        if self._stopped or self._state is not RegistrationState.REGISTERED or self._line.is_at_first:
            return
        if self._line.is_busy:
            self._home = self._scheduler.after(_BUSY_S, self._go_home)
            return
        # It may answer and yet turn us away.
        self._home_s = min(2 * self._home_s, RETURN_CAP_S)
        self._line.return_to_first()
        self._retry_in(full_jitter_s(0, base_s=self._retry_base_s, cap_s=self._retry_cap_s, rng=self._rng))

    def _retry_in(self, delay_s: float) -> None:
        self._cancel_retry()
        self._retry = self._scheduler.after(delay_s, self._attempt)

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _cancel_confirmation(self) -> None:
        if self._confirmation is not None:
            self._confirmation.cancel()
            self._confirmation = None

    def _cancel_overdue(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _tell(
        self,
        state: RegistrationState,
        failure: RegistrationFailure | None = None,
        sip_code: int = 0,
        retry_in_s: float = 0.0,
    ) -> None:
        changed = state is not self._state
        self._state = state
        if changed or state is RegistrationState.FAILED:
            if changed:
                _log.info("Registration: %s%s.", state, f", {failure}" if failure else "")
            code = status_code(sip_code)
            self._post(RegistrationChanged(state, failure, code, math.ceil(retry_in_s), self._account))
