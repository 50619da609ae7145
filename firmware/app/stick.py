"""The composition root of the stick process; its handset is another process, met on a socket.

Where systemd runs it, each part is a process of its own, and what needs root (to mount, to let write, to unmount)
happens between two of them: see systemd/wecall-stick@.service. Each part loads what it needs alone: whoever has plugged
a stick in stands there and waits.
"""

import logging
import os
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firmware.base import logs
from firmware.base.errors import ControlError, StickError
from firmware.control.say import say
from firmware.setup.stick.folder import StickFolder
from firmware.setup.stick.writing import Outgoing

if TYPE_CHECKING:
    from firmware.setup.stick.visit import Visit

_log = logging.getLogger(__name__)

_SUCCESS: Final = "success"
_SKIPPED: Final = "exec-condition"


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
    parts = (part,) if part is not None else (Part.LOOK, Part.WRITE, Part.TELL)
    if outgoing is not None:
        return _do(parts, mount, runtime_dir, outgoing)
    with tempfile.TemporaryDirectory(prefix="wecall-stick-") as folder:
        return _do(parts, mount, runtime_dir, Path(folder))


def _do(parts: tuple[Part, ...], mount: Path, runtime_dir: Path, outgoing: Path) -> int:
    code = 0
    for part in parts:
        if part is Part.WRITE and code:
            continue
        try:
            _do_part(part, StickFolder(mount), runtime_dir, Outgoing(outgoing))
        except (StickError, ControlError) as error:
            _log.error("%s", error)
            code = 1
    return code


def _do_part(part: Part, folder: StickFolder, runtime_dir: Path, outgoing: Outgoing) -> None:
    match part:
        case Part.LOOK:
            import asyncio

            asyncio.run(_visit(folder, runtime_dir, outgoing).look())
        case Part.WRITE:
            outgoing.write_to(folder)
            if outgoing.is_something_ordered:
                import asyncio

                asyncio.run(_visit(folder, runtime_dir, outgoing).fetch_ordered())
        case Part.TELL:
            # systemd goes on to this also where the part that read was ended because the stick had gone.
            if outgoing.is_written:
                outgoing.mark_reading(going_on=False)
            _say_reported(runtime_dir, written=outgoing.is_written)
        case Part.LEAVE:
            _leave(runtime_dir, os.environ.get("SERVICE_RESULT", _SUCCESS), early=outgoing.is_being_read)


def _visit(folder: StickFolder, runtime_dir: Path, outgoing: Outgoing) -> "Visit":
    from firmware.control.stick_client import HandsetLink
    from firmware.setup.stick.patience import Patience
    from firmware.setup.stick.visit import Visit

    return Visit(folder, HandsetLink(runtime_dir), outgoing, Patience())


def _leave(runtime_dir: Path, result: str, *, early: bool) -> None:
    """Say what systemd knows of the end (systemd.exec(5), $SERVICE_RESULT); nothing of the system's own disk."""
    if result == _SUCCESS:
        say(runtime_dir / "stick.sock", {"request": "stick_removed", "early": early})
    elif result != _SKIPPED:
        say(runtime_dir / "stick.sock", {"request": "stick_done", "code": "stick_unreadable"})
        _say_reported(runtime_dir, written=False)


def _say_reported(runtime_dir: Path, *, written: bool) -> None:
    say(runtime_dir / "stick.sock", {"request": "reported", "written": written})
