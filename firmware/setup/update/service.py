"""Updates of the firmware in one run of the handset: what was announced, when it comes, and whether it works.

Root does what needs root, and believes nothing that is said here: it verifies each update by pins of its own. Here is
decided when: nobody uses the phone while it restarts, and no version stays that does not work.
"""

import asyncio
import base64
import hashlib
import logging
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO, Final

from packaging.version import Version

from contract.results import BundleResult, OutcomeCode
from firmware.base.errors import BundleError, ControlError, HandsetError
from firmware.phone.bundle_news import BundleEnded, BundleStep, BundleStepStarted
from firmware.phone.updates import PostponeUpdate, PutOffRestart, UpdateKind, UpdateNow, UpdateStage, UpdateTold
from firmware.services.runner import Handlers
from firmware.setup.root.update.messages import UpdateAnswer, UpdateState
from firmware.setup.update.context import Announced, UpdateContext
from firmware.setup.update.idle_hours import IdleHours
from firmware.setup.update.memory import Ended, Memory, Tried, UpdateStore, Waiting, latest_s
from firmware.setup.update.root_updates import RootUpdates
from firmware.setup.update.trial import UpdateTrial

_log = logging.getLogger(__name__)

# What may be otherwise the next time; whatever else root says of what was announced, it says for good.
_PASSING: Final = frozenset(
    {
        OutcomeCode.UNREACHABLE,
        OutcomeCode.SERVER_WRONG,
        OutcomeCode.WRONG_SIZE,
        OutcomeCode.STALLED,
        OutcomeCode.POSTPONED,
        OutcomeCode.DAMAGED,
        OutcomeCode.BUSY,
        OutcomeCode.NO_SPACE,
        OutcomeCode.NOT_YET_VALID,
        OutcomeCode.FAILED,
    }
)


class UpdateService:
    """Takes updates, has them installed and tried, and judges what runs on trial. For the main thread alone."""

    def __init__(self, context: UpdateContext, root: RootUpdates, store: UpdateStore) -> None:
        self._context = context
        self._root = root
        self._store = store
        self._hours = IdleHours.of(context.settings, context.device)
        self._trial = UpdateTrial(context, root, store, self._tell)
        self._woken = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._at_root = asyncio.Lock()
        self._not_before_s = 0.0
        self._is_hurried = False
        self._release_keys = ""
        self._waits_for_report = False
        self._told = UpdateTold()

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {PostponeUpdate: self._postpone, UpdateNow: self._come_now, PutOffRestart: self._put_off}

    @property
    def state(self) -> UpdateState | None:
        """How the machine stands, as root says; None where nobody updates it."""
        return self._root.state()

    @property
    def told(self) -> UpdateTold:
        """How updates stand."""
        return self._told

    def start(self) -> None:
        """Go on with what the run before has left."""
        self._running = asyncio.get_running_loop().create_task(self._run(), name="updates")

    async def stop(self) -> None:
        """Give up what is under way; the next run goes on with it."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    # --- what comes -----------------------------------------------------------------------------------------------

    async def announced(self, document: bytes, _statement: object, content: Announced, /) -> OutcomeCode:
        """Hear of a verified document about an update; said again, as after each start, it changes nothing.

        Keys that it takes back are taken back at once, and not in the idle hours. Root hears of them after each start:
        nobody has written down whether it has them.

        Returns:
            TAKEN, or what became of it where the operator is to hear nothing else of it.
        """
        self._release_keys = content.release_keys
        digest = hashlib.sha256(document).hexdigest()
        memory, now_s = self._store.memory, self._context.now().clock_s
        if (memory.waiting is not None and memory.waiting.digest == digest) or memory.tells_yet(digest):
            return OutcomeCode.TAKEN
        if memory.ended is not None and memory.ended.digest == digest:
            return memory.ended.code
        state = self._root.state()
        if state is None:
            # Nobody updates this machine, or root has not said so yet: after the next start it is announced again.
            return OutcomeCode.FAILED
        if state.how != "card":
            code = OutcomeCode.BY_PACKAGE if state.how == "package" else OutcomeCode.FAILED
            ended = Ended(version=content.version, digest=digest, kind=UpdateKind(content.kind), code=code)
            self._remember(memory.model_copy(update={"ended": ended}))
            return code
        if content.version == state.version and not state.on_trial:
            self._remember(memory.model_copy(update={"waiting": None}))
            return OutcomeCode.APPLIED
        kind, settings = UpdateKind(content.kind), self._context.settings
        days = settings.security_days if kind is UpdateKind.SECURITY else settings.postpone_days
        not_before_s = content.not_before.timestamp()
        waiting = Waiting(
            digest=digest,
            message=base64.b64encode(document).decode(),
            version=content.version,
            kind=kind,
            not_before_s=not_before_s,
            latest_s=latest_s(now_s, not_before_s, days),
        )
        self._not_before_s = 0.0
        self._remember(memory.model_copy(update={"waiting": waiting.in_place_of(memory.waiting)}))
        return OutcomeCode.TAKEN

    def _remember(self, memory: Memory) -> None:
        try:
            self._store.keep(memory)
        except OSError as error:
            # Whoever has announced it does so again after the next start.
            _log.error("An update that was announced cannot be written down: %s", error.strerror)
        self._woken.set()

    async def _take_release_keys(self) -> None:
        if release_keys := self._release_keys:
            answer = await self._root.take_release_keys(release_keys)
            is_busy = answer is not None and answer.code is OutcomeCode.BUSY
            if not is_busy and self._release_keys == release_keys:
                self._release_keys = ""

    async def bring(self, file: BinaryIO, proof: bytes, release_keys: bytes) -> UpdateTold:
        """Install an update from a stick, and return how it ended, once that is known.

        While a version is on trial, what a stick brings is what is tried: a stick that was left in is read again.

        Raises:
            BundleError: root's service does not answer.
        """
        state, tried = self._root.state(), self._store.memory.tried
        if state is not None and state.on_trial:
            await self._trial.judged.wait()
            if tried is not None and not tried.digest:
                return UpdateTold(version=state.version, code=OutcomeCode.APPLIED)
        async with self._at_root:
            self._context.post(BundleStepStarted(BundleStep.WAITING_FOR_CALL))
            await self._context.watch.until(lambda: self._context.watch.is_quiet)
            self._tell_stick(0)
            try:
                answer = await self._root.install(
                    "",
                    self._tell_stick,
                    file=file,
                    proof=proof.decode("ascii", "replace"),
                    release_keys=base64.b64encode(release_keys).decode(),
                )
            except ControlError as error:
                _log.error("The update on the stick is not installed: %s", error)
                raise BundleError(str(error), OutcomeCode.FAILED) from error
            told = self._note_stick(answer)
        self._woken.set()
        return told

    def _note_stick(self, answer: UpdateAnswer | None) -> UpdateTold:
        code = (answer.code or OutcomeCode.FAILED) if answer is not None else OutcomeCode.BY_PACKAGE
        version = ""
        if answer is not None and code is OutcomeCode.INSTALLED:
            version = answer.state.installed
            self._store.keep(self._store.memory.model_copy(update={"tried": Tried(version=version)}))
            self._waits_for_report, self._not_before_s = True, 0.0
        result = BundleResult.APPLIED if code is OutcomeCode.INSTALLED else BundleResult.REFUSED
        if code is OutcomeCode.NOT_NEWER:
            result = BundleResult.NOTHING_TO_DO
        self._context.post(BundleEnded(result, code, is_update=True, version=version))
        return UpdateTold(version=version, code=code)

    def stick_reported(self) -> None:
        """Hear that the stick has its report, or is gone: whoever brought the update waits for the restart."""
        self._waits_for_report = False
        self._woken.set()

    def _tell_stick(self, percent: int) -> None:
        self._context.post(BundleStepStarted(BundleStep.UPDATE, percent))

    async def _postpone(self, _request: PostponeUpdate) -> None:
        await self.postpone()

    async def postpone(self) -> None:
        """Put the update that waits off for as long as the configuration lets the holder.

        Raises:
            BundleError: none waits, or it can be put off no longer.
        """
        memory = self._store.memory
        waiting = memory.waiting
        if waiting is None or self._context.now().clock_s >= waiting.latest_s:
            raise BundleError("No update waits that can be put off.")
        later = waiting.model_copy(update={"is_put_off": True, "is_wanted_now": False})
        changed = memory.model_copy(update={"waiting": later})
        self._store.keep(changed.telling(waiting.digest, OutcomeCode.POSTPONED))
        self._woken.set()

    async def _come_now(self, _request: UpdateNow) -> None:
        await self.come_now()

    async def come_now(self) -> None:
        """Have the update that waits installed and tried as soon as nobody uses the phone.

        Raises:
            BundleError: none waits.
        """
        memory, state = self._store.memory, self._root.state()
        if memory.waiting is not None:
            sooner = memory.waiting.model_copy(update={"is_put_off": False, "is_wanted_now": True})
            self._store.keep(memory.model_copy(update={"waiting": sooner}))
        elif state is None or not state.installed:
            raise BundleError("No update waits. `wecall update status` says which version runs.")
        self._not_before_s, self._is_hurried = 0.0, True
        self._woken.set()

    async def _put_off(self, _request: PutOffRestart) -> None:
        self._trial.put_off()

    # --- what is due ----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except (HandsetError, OSError) as error:
                _log.error("Updates are not gone on with now: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._context.pace.look_s):
                    await self._woken.wait()
            self._woken.clear()

    async def _look(self) -> None:
        state = self._root.state()
        if state is None:
            return
        if state.on_trial:
            state = await self._trial.judge()
        # Not before: root takes none while something is on trial. What waits may be given up by them.
        await self._take_release_keys()
        state = self._root.state() or state
        memory = self._store.memory.settled(state)
        if memory != self._store.memory:
            self._note_end(memory)
        await self._tell_due()
        self._show(state)
        if self._at_root.locked() or self._context.uptime_s() < self._not_before_s:
            return
        waiting = self._store.memory.waiting
        if waiting is not None and self._is_to_be_installed(waiting, state):
            await self._install(waiting)
        elif state.installed and self._may_come():
            await self._try(state)

    def _is_to_be_installed(self, waiting: Waiting, state: UpdateState) -> bool:
        if not self._is_due(waiting) or not self._context.watch.is_quiet:
            return False
        # What a stick brought is tried first; what was announced later replaces what was before.
        return not state.installed or (not self._is_by_stick and Version(waiting.version) > Version(state.installed))

    @property
    def _is_by_stick(self) -> bool:
        tried = self._store.memory.tried
        return tried is not None and not tried.digest

    def _is_due(self, waiting: Waiting) -> bool:
        now = self._context.now()
        # Over the network it comes by a clock that the network keeps right; see ADR 0128.
        if not now.synced or not waiting.may_come(now.clock_s):
            return False
        return waiting.is_wanted_now or self._hours.are_at(now.clock_s)

    def _may_come(self) -> bool:
        """Whether what is installed may be tried: at once where a stick brought it, else as what waits may come."""
        if self._is_by_stick:
            return not self._waits_for_report
        if (waiting := self._store.memory.waiting) is not None:
            return self._is_due(waiting)
        now = self._context.now()
        return now.synced and self._hours.are_at(now.clock_s)

    async def _try(self, state: UpdateState) -> None:
        memory = self._store.memory
        if memory.tried is None:
            # The power was cut before it was written down that it is installed.
            waiting = memory.waiting
            is_ours = waiting is not None and waiting.version == state.installed
            digest, kind = (waiting.digest, waiting.kind) if waiting is not None and is_ours else ("", None)
            memory = memory.model_copy(update={"tried": Tried(version=state.installed, digest=digest, kind=kind)})
            self._store.keep(memory)
        self._is_hurried = False
        try:
            is_asked, was_seen = await self._trial.restart(by_stick=self._is_by_stick)
        except (HandsetError, OSError):
            self._wait_after(OutcomeCode.FAILED)
            self._show(state)
            raise
        # Whoever has put it off may have changed their mind meanwhile.
        if (is_asked or was_seen) and not self._is_hurried:
            self._not_before_s = self._context.uptime_s() + self._context.pace.again_s
        if not is_asked:
            self._show(state)

    async def _install(self, waiting: Waiting) -> None:
        context = self._context
        async with self._at_root:
            told = UpdateTold(stage=UpdateStage.INSTALLING, version=waiting.version, kind=waiting.kind)
            self._tell(told)
            try:
                answer = await self._root.install(
                    waiting.message, lambda percent: self._tell(replace(told, percent=percent))
                )
            except ControlError:
                self._wait_after(OutcomeCode.FAILED)
                raise
        code = (answer.code or OutcomeCode.FAILED) if answer is not None else OutcomeCode.FAILED
        if code is OutcomeCode.POSTPONED:
            # By calls; nobody has put it off.
            code = OutcomeCode.STALLED
        memory = self._store.memory
        still = memory.waiting if memory.waiting is not None and memory.waiting.digest == waiting.digest else None
        changes: dict[str, object] = {}
        if code is OutcomeCode.INSTALLED:
            changes["tried"] = Tried(version=waiting.version, digest=waiting.digest, kind=waiting.kind)
        else:
            _log.warning("An update is not installed: %s", code)
            self._not_before_s = context.uptime_s() + context.pace.again_s
            if code not in _PASSING:
                changes["ended"] = Ended(version=waiting.version, digest=waiting.digest, kind=waiting.kind, code=code)
        if still is not None:
            ends = "ended" in changes
            changes["waiting"] = None if ends else still.model_copy(update={"code": code})
        self._store.keep(memory.model_copy(update=changes).telling(waiting.digest, code))
        self._woken.set()

    def _wait_after(self, code: OutcomeCode) -> None:
        """Try again later, and tell the operator once why it came to nothing."""
        self._not_before_s = self._context.uptime_s() + self._context.pace.again_s
        memory = self._store.memory
        if (waiting := memory.waiting) is not None and waiting.code != code:
            changed = memory.model_copy(update={"waiting": waiting.model_copy(update={"code": code})})
            self._store.keep(changed.telling(waiting.digest, code))

    # --- what is told ---------------------------------------------------------------------------------------------

    def _note_end(self, memory: Memory) -> None:
        """Keep and say what became of what was tried."""
        self._store.keep(memory)
        if (ended := memory.ended) is not None and not ended.digest:
            result = BundleResult.REVERTED if ended.code is OutcomeCode.WENT_BACK else BundleResult.REFUSED
            if ended.code is OutcomeCode.APPLIED:
                result = BundleResult.APPLIED
            self._context.post(BundleEnded(result, ended.code, is_update=True, version=ended.version))

    async def _tell_due(self) -> None:
        while due := self._store.memory.due:
            try:
                await self._context.tell_operator(*due[0])
            except HandsetError as error:
                _log.debug("The operator is not told yet what became of an update: %s", error)
                return
            memory = self._store.memory
            self._store.keep(memory.model_copy(update={"due": memory.due[1:]}))

    def _show(self, state: UpdateState) -> None:
        """Tell the phone how updates stand while nothing of them is under way."""
        if self._at_root.locked():
            return
        memory, now = self._store.memory, self._context.now()
        waiting, ended = memory.waiting, memory.ended
        stage = UpdateStage.INSTALLED if state.installed else UpdateStage.WAITING
        if waiting is None and not state.installed:
            told = UpdateTold()
            if ended is not None:
                told = UpdateTold(stage=UpdateStage.ENDED, version=ended.version, kind=ended.kind, code=ended.code)
            self._tell(told)
            return
        if waiting is None:
            self._tell(UpdateTold(stage=stage, version=state.installed))
            return
        may_wait = now.clock_s < waiting.latest_s
        is_put_off = waiting.is_put_off and may_wait
        self._tell(
            UpdateTold(
                stage=stage,
                version=state.installed or waiting.version,
                kind=waiting.kind,
                is_put_off=is_put_off,
                until=self._context.day(waiting.latest_s) if may_wait else "",
                comes_tonight=now.synced
                and not is_put_off
                and self._hours.come_before(waiting.not_before_s, now.clock_s),
                code=waiting.code or None,
            )
        )

    def _tell(self, told: UpdateTold) -> None:
        if (state := self._root.state()) is not None:
            told = replace(
                told,
                runs=state.version,
                by_package=state.how == "package",
                version=told.version or state.installed,
            )
        if told != self._told:
            self._told = told
            self._context.post(told)
