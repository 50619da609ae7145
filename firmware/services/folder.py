"""Errands about files: the folder that stands for a stick, and who works on what lies in it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from firmware.base.errors import HandsetError, NotGrantedError
from firmware.base.words import Text, word
from firmware.phone.answers import Answer, JobFinished, JobProgressed
from firmware.phone.errands import Errand, FolderJob, RunFolderJob
from firmware.services import exchange
from firmware.services.runner import Handler
from firmware.store.errors import ErasedMeanwhileError

_log = logging.getLogger(__name__)

Progress = Callable[[int], None]
"""Is told how far work has come, in per cent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of work on files; `words` say what was done, what was not and what to do about it."""

    done: bool
    words: Text


Job = Callable[[Path, Progress], Awaitable[Outcome]]
"""Works on the folder.

Raises a HandsetError, or an OSError where a file cannot be read or written; its text is for the log.
"""


class FolderErrands:
    """Does one job after another on the folder, and tells how far each has come."""

    def __init__(self, folder: Path, jobs: Mapping[FolderJob, Job], post: Callable[[Answer], None]) -> None:
        """`post` takes what is told while a job runs, in the main thread."""
        self._folder = folder
        self._jobs = jobs
        self._post = post
        self._one_at_a_time = asyncio.Lock()
        self._percent_of: dict[FolderJob, int] = {}

    @property
    def handlers(self) -> Mapping[type[Errand], Handler]:
        """What the runner needs."""
        return {RunFolderJob: self._run}

    async def _run(self, errand: RunFolderJob) -> JobFinished | None:
        """Do a job; where it is being done already, whoever asks again hears of that one."""
        job = self._jobs.get(errand.job)
        if job is None:
            return JobFinished(errand.job, False, word("This phone's memory cannot be used now."))
        if await asyncio.to_thread(exchange.is_left, self._folder):
            return JobFinished(
                errand.job,
                False,
                word("Files of the last holder are in the folder. Ask your installer to delete them."),
            )
        under_way = errand.job in self._percent_of
        self._post(JobProgressed(errand.job, self._percent_of.setdefault(errand.job, 0)))
        if under_way:
            return None
        try:
            async with self._one_at_a_time:
                outcome = await job(self._folder, lambda percent: self._tell(errand.job, percent))
        except NotGrantedError as error:
            return JobFinished(errand.job, False, error.words)
        except ErasedMeanwhileError:
            return JobFinished(errand.job, False, word("Something was erased meanwhile. Import again."))
        except (HandsetError, OSError) as error:
            # The path of a file may hold a name.
            reason = error.strerror if isinstance(error, OSError) else error
            _log.warning("The job %s came to nothing: %s", errand.job, reason)
            return JobFinished(errand.job, False, word("The files cannot be read or written."))
        finally:
            del self._percent_of[errand.job]
        return JobFinished(errand.job, outcome.done, outcome.words)

    def _tell(self, job: FolderJob, percent: int) -> None:
        """Tell how far a job has come, once for each per cent: the display is drawn each time."""
        if percent != self._percent_of[job]:
            self._percent_of[job] = percent
            self._post(JobProgressed(job, percent))
