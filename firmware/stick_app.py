"""The composition root of the stick process; its handset is another process, met on a socket.

Where systemd runs it, each part is a process of its own, and what needs root (to mount, to let write, to unmount)
happens between two of them: see systemd/wecall-stick@.service.
"""

import asyncio
import logging
import os
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

from firmware import logs
from firmware.control.stick_client import HandsetLink
from firmware.errors import ControlError, StickError
from firmware.stick.folder import StickFolder
from firmware.stick.patience import Patience
from firmware.stick.visit import Visit

_log = logging.getLogger(__name__)

SUCCESS: Final = "success"
SKIPPED: Final = "exec-condition"


class Part(StrEnum):
    """One part of a visit.

    LOOK: the stick is only read. WRITE: it is only written. TELL: it may be taken out. LEAVE: it is gone, or could not
    be read at all.
    """

    LOOK = "look"
    WRITE = "write"
    TELL = "tell"
    LEAVE = "leave"


def run(mount: Path, runtime_dir: Path, part: Part | None, outgoing: Path | None, *, verbose: bool = False) -> int:
    """Do one part of a visit, or all of it; return the exit code.

    Args:
        mount: where the stick's folder is.
        runtime_dir: where the handset's sockets are.
        part: which one; None for looking, writing and telling, one after another.
        outgoing: where it is kept between two parts what is to be written.
        verbose: log more.
    """
    logs.set_up(logging.DEBUG if verbose else logging.INFO)
    link = HandsetLink(runtime_dir)
    if outgoing is not None:
        return asyncio.run(_do(part, Visit(StickFolder(mount), link, outgoing, Patience())))
    with tempfile.TemporaryDirectory(prefix="wecall-stick-") as folder:
        return asyncio.run(_do(part, Visit(StickFolder(mount), link, Path(folder), Patience())))


async def _do(part: Part | None, visit: Visit) -> int:
    parts = (part,) if part is not None else (Part.LOOK, Part.WRITE, Part.TELL)
    code = 0
    for each in parts:
        try:
            await _do_part(each, visit)
        except (StickError, ControlError) as error:
            _log.error("%s", error)
            code = 1
            if each is Part.LOOK:
                break
    return code


async def _do_part(part: Part, visit: Visit) -> None:
    match part:
        case Part.LOOK:
            await visit.look()
        case Part.WRITE:
            await visit.write()
        case Part.TELL:
            await visit.tell()
        case Part.LEAVE:
            await _leave(visit, os.environ)


async def _leave(visit: Visit, environment: Mapping[str, str]) -> None:
    """Say what systemd knows of the end (systemd.exec(5), $SERVICE_RESULT); nothing of the system's own disk."""
    result = environment.get("SERVICE_RESULT", SUCCESS)
    if result != SKIPPED:
        await visit.leave(was_read=result == SUCCESS)
