"""The restart into an update that was installed, and the judgement of what runs on trial after it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from firmware.base.errors import ControlError
from firmware.phone.updates import UpdateStage, UpdateTold
from firmware.phone.view import Mode
from firmware.setup.root.update.messages import UpdateAnswer, UpdateState
from firmware.setup.update.context import UpdateContext
from firmware.setup.update.judge import Course, Verdict, faults
from firmware.setup.update.memory import UpdateStore
from firmware.setup.update.root_updates import RootUpdates

_log = logging.getLogger(__name__)

_FREE: Final = frozenset({Mode.IDLE, Mode.UNPROVISIONED})


class UpdateTrial:
    """Restarts and judges.

    Attributes:
        judged: set once what runs on trial counts.
    """

    def __init__(
        self, context: UpdateContext, root: RootUpdates, store: UpdateStore, tell: Callable[[UpdateTold], None]
    ) -> None:
        """`tell` tells the phone how the update stands."""
        self._context = context
        self._root = root
        self._store = store
        self._tell = tell
        self._is_touched = False
        self.judged = asyncio.Event()

    def put_off(self) -> None:
        """Do not restart now: somebody touches the phone."""
        self._is_touched = True

    async def restart(self, *, by_stick: bool) -> tuple[bool, bool]:
        """Restart into what is installed, unless somebody touches the phone in the time that it says so before.

        Returns:
            Whether root was asked to restart, and whether the display said before that the phone would.

        Raises:
            ControlError: root's service does not answer, or does not restart into it.
            OSError: how the phone is now cannot be written down.
        """
        context, was_seen = self._context, False
        self._is_touched = False
        for left_s in range(context.pace.notice_by_stick_s if by_stick else context.pace.notice_s, 0, -1):
            if not self._is_left_alone(by_stick=by_stick):
                return False, was_seen
            self._tell(UpdateTold(stage=UpdateStage.RESTARTING, restarts_in_s=left_s))
            was_seen = True
            await context.sleep(1)
        if self._is_left_alone(by_stick=by_stick):
            self._tell(UpdateTold(stage=UpdateStage.RESTARTING))
            await asyncio.to_thread(self._store.keep_before_trial, context.facts())
        # A call may have begun while that was written.
        if not self._is_left_alone(by_stick=by_stick):
            return False, was_seen
        answer = await self._root.start_trial()
        if answer is not None and answer.code:
            raise ControlError(f"Root does not restart into the update ({answer.code}); its journal says why.")
        return True, was_seen

    def _is_left_alone(self, *, by_stick: bool) -> bool:
        view = self._context.watch.view
        if view is None or self._is_touched or view.recording is not None or not self._context.is_free():
            return False
        # Whoever has brought the stick reads its page.
        on_a_page = view.mode is Mode.MENU and (view.asks_by_itself or (by_stick and view.menu_is_public))
        return self._context.watch.is_quiet and (view.mode in _FREE or on_a_page)

    async def judge(self) -> UpdateState:
        """Look at what runs on trial until it works and root knows it; return root's state then.

        Where it does not work, root restarts the machine meanwhile.
        """
        context, course, before = self._context, Course(), self._store.before_trial()
        self.judged.clear()
        self._tell(UpdateTold(stage=UpdateStage.ON_TRIAL))
        while True:
            found = faults(before, context.facts())
            course = course.then(context.uptime_s(), found)
            verdict = course.verdict(context.uptime_s())
            # Who calls is not cut off here; root's own deadline follows.
            if verdict is Verdict.WORKS or (verdict is Verdict.FAILS and context.watch.is_quiet):
                answer = await self._say(works=verdict is Verdict.WORKS, why=", ".join(sorted(found)))
                if answer is not None and not answer.state.on_trial:
                    self.judged.set()
                    return answer.state
                await context.sleep(context.pace.look_s)
            await context.sleep(context.pace.judge_s)

    async def _say(self, *, works: bool, why: str) -> UpdateAnswer | None:
        if works:
            _log.warning("The version that runs on trial works")
        else:
            _log.error("The version that runs on trial does not work: %s", why or "it was not well for long enough")
        try:
            return await self._root.say(works=works)
        except ControlError as error:
            _log.error("Root does not hear of it yet: %s", error)
            return None
