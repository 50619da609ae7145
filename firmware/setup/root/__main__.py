"""`python -m firmware.setup.root`: the service that has root, as wecall-apply.service runs it."""

import logging
import os
import socket

import systemd.daemon

from firmware.base.proven_time import NAME, ProvenTime
from firmware.setup.root.machine import Machine
from firmware.setup.root.record import RecordError
from firmware.setup.root.service import DEADLINE_S, LINGER_S, Service
from firmware.setup.root.verification import Verifier
from firmware.setup.root.work import Work
from provisioning.serial import serial


def main() -> None:
    """Put right what was cut off, then serve until nothing is left to do."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    machine = Machine()
    work = Work(machine, Verifier(machine.configuration, serial, ProvenTime(machine.state / NAME)))
    try:
        work.recover()
    except RecordError as error:
        # Whoever asks is told as well.
        logging.getLogger(__name__).error("%s", error)  # noqa: TRY400 - a sentence says it
    (descriptor,) = systemd.daemon.listen_fds()
    with socket.socket(fileno=descriptor) as listener:
        systemd.daemon.notify("READY=1")
        deadline_s = float(os.environ.get("WECALL_CONFIRM_S", DEADLINE_S))
        Service(work, listener, machine.state, deadline_s=deadline_s, linger_s=LINGER_S).serve()


if __name__ == "__main__":
    main()
