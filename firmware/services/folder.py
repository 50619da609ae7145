"""Requests about files: the folder that stands for a stick, and who works on what lies in it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from firmware.base.errors import HandsetError, NotGrantedError
from firmware.base.words import word
from firmware.phone.request import NO_MEMORY, Outcome, Progressed
from firmware.phone.requests.pictures import FolderJob, RunFolderJob
from firmware.services import exchange
from firmware.services.runner import Handlers
from firmware.store.errors import ErasedMeanwhileError

_log = logging.getLogger(__name__)

Progress = Callable[[int], None]
"""Is told how far work has come, in per cent."""


Job = Callable[[Path, Progress], Awaitable[Outcome]]
"""Works on the folder.

Raises a HandsetError, or an OSError where a file cannot be read or written; its text is for the log.
"""


class FolderErrands:
    """Does one job after another on the folder, and tells how far each has come."""

    def __init__(self, folder: Path, jobs: Mapping[FolderJob, Job], post: Callable[[Progressed], None]) -> None:
        """`post` takes what is told while a job runs, in the main thread."""
        self._folder = folder
        self._jobs = jobs
        self._post = post
        self._one_at_a_time = asyncio.Lock()
        self._percent_of: dict[FolderJob, int] = {}
        self._under_way: dict[FolderJob, asyncio.Task[Outcome]] = {}

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {RunFolderJob: self._run}

    async def _run(self, request: RunFolderJob) -> Outcome:
        """Do a job; where it is being done already, whoever asks again hears of that one."""
        job = self._jobs.get(request.job)
        if job is None:
            return Outcome(False, NO_MEMORY)
        if await asyncio.to_thread(exchange.is_left, self._folder):
            return Outcome(
                False, word("Files of the last holder are in the folder. Ask your installer to delete them.")
            )
        self._post(Progressed(request, self._percent_of.setdefault(request.job, 0)))
        if request.job not in self._under_way:
            self._under_way[request.job] = asyncio.create_task(self._do(request, job))
        return await self._under_way[request.job]

    async def _do(self, request: RunFolderJob, job: Job) -> Outcome:
        try:
            async with self._one_at_a_time:
                return await job(self._folder, lambda percent: self._tell(request, percent))
        except NotGrantedError as error:
            return Outcome(False, error.words)
        except ErasedMeanwhileError:
            return Outcome(False, word("Something was deleted meanwhile. Start again."))
        except (HandsetError, OSError) as error:
            # The path of a file may hold a name.
            reason = error.strerror if isinstance(error, OSError) else error
            _log.warning("The job %s came to nothing: %s", request.job, reason)
            return Outcome(False, word("The files cannot be read or written."))
        finally:
            del self._percent_of[request.job], self._under_way[request.job]

    def _tell(self, request: RunFolderJob, percent: int) -> None:
        """Tell how far a job has come, once for each per cent: the display is drawn each time."""
        if percent != self._percent_of[request.job]:
            self._percent_of[request.job] = percent
            self._post(Progressed(request, percent))
