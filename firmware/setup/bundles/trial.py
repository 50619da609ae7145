"""Tries the configuration that this run of the handset was started with, and keeps it or goes back to the one before.

A call is never cut: what would cut one waits for its end, whoever calls.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NoReturn

from contract.results import BundleResult, CheckCode, CheckName
from firmware.base.errors import BundleError, ControlError
from firmware.configuration.config_store import BUNDLE_NAME
from firmware.configuration.sealed import read_own
from firmware.configuration.standing import BundleSource, Candidate, Ended
from firmware.phone.bundle_news import BundleStep
from firmware.phone.call import RegistrationFailure, RegistrationState
from firmware.phone.news import Problem
from firmware.phone.view import LineView
from firmware.ports.broker import BrokerState
from firmware.setup.bundles.context import BundleContext
from firmware.setup.bundles.root_work import needs_root
from firmware.setup.root.messages import NOT_JOINED, RootOutcome
from provisioning.report import Check
from provisioning.ring_tone import open_ring_tone
from provisioning.schema import Configuration

_log = logging.getLogger(__name__)

_PATIENCE_S: Final = 60.0
"""So long lines and broker may take, beginning once the network is there."""

_QUIET_S: Final = 5.0

_FOUND: Final[Mapping[RegistrationFailure, CheckCode]] = {
    RegistrationFailure.WRONG_PASSWORD: CheckCode.REFUSED,
    RegistrationFailure.ACCOUNT_UNKNOWN: CheckCode.REFUSED,
    RegistrationFailure.REFUSED: CheckCode.REFUSED,
    RegistrationFailure.SERVER_NOT_FOUND: CheckCode.NOT_FOUND,
    RegistrationFailure.SERVER_UNREACHABLE: CheckCode.UNREACHABLE,
    RegistrationFailure.NO_NETWORK: CheckCode.UNREACHABLE,
    RegistrationFailure.CERTIFICATE_REJECTED: CheckCode.NOT_TRUSTED,
}
_HOPELESS: Final = frozenset({RegistrationFailure.WRONG_PASSWORD, RegistrationFailure.ACCOUNT_UNKNOWN})
"""The server has answered, and will answer the same."""

_BROKER_FOUND: Final[Mapping[BrokerState | None, CheckCode]] = {
    BrokerState.REFUSED: CheckCode.REFUSED,
    BrokerState.UNREACHABLE: CheckCode.UNREACHABLE,
}


class _FailedError(Exception):
    """A check did not pass."""

    def __init__(self, code: CheckName, failure: RegistrationFailure | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.failure = failure


class Trial:
    """The trial of one bundle."""

    def __init__(
        self,
        context: BundleContext,
        candidate: Candidate,
        configuration: Configuration,
        try_sound: Callable[[], Awaitable[CheckName | None]],
        *,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """Set up.

        Args:
            context: what the handset lends.
            candidate: what is tried.
            configuration: the same, as this run has it.
            try_sound: returns which does not open, SOUND or MICROPHONE, None where both do; asked while nobody calls.
            patience_s: how long lines and broker may take.
        """
        self._context = context
        self._candidate = candidate
        self._configuration = configuration
        self._try_sound = try_sound
        self._patience_s = patience_s
        self._checks: list[Check] = []
        self._root_has_it = False

    async def run(self) -> bool:
        """Try it; return whether it counts from now on. Where it does not, the handset is about to start anew."""
        self._context.steps.follow_offer(self._candidate.offer, self._candidate.source)
        try:
            await self._have_root_work()
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._check_lines()
                    await self._check_broker()
            except TimeoutError:
                self._give_up()
            await self._check_sound()
            await self._check_ring_tone()
            await self._keep()
        except _FailedError as error:
            await self._go_back(error)
            return False
        except Exception:  # noqa: BLE001 - what cannot be tried to its end is not to count
            _log.exception("The trial of bundle %d broke off", self._candidate.number)
            await self._go_back(_FailedError(CheckName.START))
            return False
        return True

    # --- what only root can do ----------------------------------------------------------------------------------------

    async def _have_root_work(self) -> None:
        context, number = self._context, self._candidate.number
        bundle = context.config_store.folder_of(number) / BUNDLE_NAME
        await context.watch.until_quiet()
        # Root reads and verifies all of it once more before it says anything.
        context.steps.take(BundleStep.CHECKING)
        try:
            secrets = await asyncio.to_thread(
                read_own, bundle.parent, context.config_store.folder, context.identity.serial
            )
            answer = await context.root.ask(
                number, bundle, secrets, lambda _progress: context.steps.take(BundleStep.NETWORK)
            )
        except (ControlError, BundleError) as error:
            _log.error("What the bundle brings for root is not done: %s", error)
            self._fail(CheckName.NETWORK, CheckCode.FAILED)
        match answer.outcome:
            case RootOutcome.APPLIED | RootOutcome.KEPT:
                self._root_has_it = True
                self._pass(CheckName.NETWORK)
            case RootOutcome.UNAVAILABLE:
                if needs_root(self._configuration):
                    self._fail(CheckName.NETWORK, CheckCode.NOT_INSTALLED)
            case _:
                _log.error("Root's service does not take bundle %d: %s %s", number, answer.outcome, answer.code)
                code = CheckCode.NOT_JOINED if answer.code == NOT_JOINED else CheckCode.NOT_INSTALLED
                if answer.outcome is RootOutcome.REFUSED:
                    code = CheckCode.NOT_TAKEN
                self._fail(CheckName.NETWORK, code)

    # --- what the handset tries itself --------------------------------------------------------------------------------

    async def _check_lines(self) -> None:
        watch = self._context.watch
        self._context.steps.take(BundleStep.LINES)

        def is_decided() -> bool:
            lines = self._lines
            registered = bool(lines) and all(line.state is RegistrationState.REGISTERED for line in lines)
            return registered or any(line.failure in _HOPELESS for line in lines) or self._lacks_sip

        await watch.until(is_decided)
        if self._lacks_sip:
            # No bundle would bring a line up on a machine that has nothing to call with.
            return
        self._judge_lines()

    def _judge_lines(self) -> None:
        worst: LineView | None = None
        for place, line in enumerate(self._lines, start=1):
            if line.state is RegistrationState.REGISTERED:
                self._checks.append(Check(name=CheckName.LINES, passed=True, line=place))
                continue
            code = _FOUND[line.failure] if line.failure is not None else CheckCode.TIMED_OUT
            self._checks.append(Check(name=CheckName.LINES, passed=False, code=code, line=place))
            worst = worst if worst is not None and worst.failure is not None else line
        if worst is not None:
            raise _FailedError(CheckName.LINES, worst.failure)
        if not self._lines:
            self._fail(CheckName.LINES, CheckCode.TIMED_OUT)

    async def _check_broker(self) -> None:
        if self._configuration.sync is None:
            return
        self._context.steps.take(BundleStep.BROKER)
        watch = self._context.watch
        await watch.until(lambda: watch.broker is BrokerState.CONNECTED)
        self._pass(CheckName.BROKER)

    def _give_up(self) -> None:
        """Say which of the two has not come up in time."""
        if not any(check.name is CheckName.LINES for check in self._checks) and not self._lacks_sip:
            self._judge_lines()
        self._fail(CheckName.BROKER, _BROKER_FOUND.get(self._context.watch.broker, CheckCode.TIMED_OUT))

    async def _check_sound(self) -> None:
        watch = self._context.watch
        self._context.steps.take(BundleStep.SOUND)
        if not await watch.until(lambda: watch.is_quiet, _QUIET_S):
            # Who calls meanwhile has the sound card, and shows that there is one. What root installed cannot wait long.
            if self._has_problem(Problem.SOUND_MISSING):
                self._fail(CheckName.SOUND, CheckCode.NOT_OPENED)
            self._pass(CheckName.SOUND)
            return
        missing = await self._try_sound()
        for name in (CheckName.SOUND, CheckName.MICROPHONE):
            if missing is name:
                self._fail(name, CheckCode.NOT_OPENED)
            self._pass(name)

    async def _check_ring_tone(self) -> None:
        """Say whether the ring tone can be played; without it the phone rings with its own, so none is sent back."""
        path = self._configuration.ringer.tone
        if path is None:
            return
        try:
            await asyncio.to_thread(open_ring_tone, path)
        except (OSError, ValueError):
            # The ringer has said why.
            self._checks.append(Check(name=CheckName.RING_TONES, passed=False, code=CheckCode.FAILED))
        else:
            self._pass(CheckName.RING_TONES)

    @property
    def _lines(self) -> tuple[LineView, ...]:
        view = self._context.watch.view
        return view.lines if view is not None else ()

    @property
    def _lacks_sip(self) -> bool:
        return self._has_problem(Problem.SIP_LIBRARY_MISSING)

    def _has_problem(self, problem: Problem) -> bool:
        view = self._context.watch.view
        return view is not None and any(standing is problem for standing, _ in view.problems)

    # --- the end ------------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        context, number = self._context, self._candidate.number
        context.steps.take(BundleStep.KEEPING)
        if self._root_has_it:
            try:
                answer = await context.root.confirm(number)
            except ControlError as error:
                _log.error("What was installed for bundle %d is not kept: %s", number, error)
                self._fail(CheckName.NETWORK, CheckCode.FAILED)
            if answer.outcome is not RootOutcome.KEPT:
                self._fail(CheckName.NETWORK, CheckCode.FAILED)
        await asyncio.to_thread(context.config_store.keep, context.now_s(), tuple(self._checks))
        _log.warning("The configuration of bundle %d counts from now on", number)

    async def _go_back(self, error: _FailedError) -> None:
        context, candidate = self._context, self._candidate
        _log.error("Bundle %d does not work (%s): the handset goes back", candidate.number, error.code)
        context.steps.take(BundleStep.REVERTING)
        await context.watch.until_quiet(expected=candidate.source is not BundleSource.NETWORK)
        await self.undo_root_work(context, candidate.number)
        ended = Ended.of(
            candidate, BundleResult.REVERTED, error.code,
            checks=tuple(self._checks), at_s=context.now_s(), failure=error.failure,
        )  # fmt: skip
        await asyncio.to_thread(context.config_store.end, ended)
        await context.watch.until_quiet()
        context.start_anew()

    @staticmethod
    async def undo_root_work(context: BundleContext, number: int) -> None:
        """Have root put back what was there; where that fails it does so by itself, two minutes after it began."""
        try:
            await context.root.go_back(number)
        except ControlError as error:
            _log.error("What was installed for bundle %d is not yet put back: %s", number, error)

    def _pass(self, name: CheckName) -> None:
        self._checks.append(Check(name=name, passed=True))

    def _fail(self, name: CheckName, code: CheckCode) -> NoReturn:
        self._checks.append(Check(name=name, passed=False, code=code))
        raise _FailedError(name)
