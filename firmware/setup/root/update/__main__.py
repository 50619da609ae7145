"""`python -m firmware.setup.root.update`: root's service for updates, as wecall-update.service runs it."""

import functools
import logging
import signal
import socket
import sys
from types import FrameType
from typing import NoReturn

import systemd.daemon

from firmware.base.errors import HandsetError
from firmware.base.proven_time import NAME, ProvenTime
from firmware.setup.root.boot.card import boot_choice
from firmware.setup.root.boot.choice import Slot
from firmware.setup.root.machine import Machine
from firmware.setup.root.update.card import read_card, read_start
from firmware.setup.root.update.memory import Start
from firmware.setup.root.update.rauc import Rauc
from firmware.setup.root.update.release import Announcements, LogProof, ReleaseTrust
from firmware.setup.root.update.service import UpdateService
from firmware.setup.root.update.work import Context, UpdateWork


def main() -> None:
    """Go on from what was cut off, then serve until nothing is left to do."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    machine = Machine()
    card = read_card(machine)
    boot = functools.partial(boot_choice, machine)
    work = UpdateWork(
        Context(
            machine=machine,
            card=card,
            boot=boot,
            start=read_start(machine, boot) if card.how == "card" else Start(Slot.A, Slot.A, ""),
            rauc=Rauc(),
            trust=ReleaseTrust(machine),
            announcements=Announcements(machine, ProvenTime(machine.state / NAME)),
            prove=LogProof(machine),
        )
    )
    try:
        work.recover()
    except (HandsetError, OSError) as error:
        # Whoever asks is told as well, and finds a state.
        logging.getLogger(__name__).error("%s", error)  # noqa: TRY400 - a sentence says it
        work.write_state()
    (descriptor,) = systemd.daemon.listen_fds()
    with socket.socket(fileno=descriptor) as listener:
        service = UpdateService(work, listener)
        signal.signal(signal.SIGTERM, _leave)
        systemd.daemon.notify("READY=1")
        try:
            service.serve()
        finally:
            service.stop()


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main()
