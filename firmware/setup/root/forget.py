"""`python -m firmware.setup.root.forget`: the machine trusts the next first bundle again, as a new one does.

Whoever has root says so at the command line, and nothing else can: the holder's word at the keypad reaches root through
the handset, and whoever has broken into that could say it as well.
"""

import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Final

from firmware.base.errors import HandsetError
from firmware.base.proven_time import NAME, ProvenTime
from firmware.setup.root.machine import Machine
from firmware.setup.root.verification import Verifier
from firmware.setup.root.work import HANDSET_UNIT, SYNC_UNIT, Work
from provisioning.serial import serial

SOCKET_UNIT: Final = "wecall-apply.socket"
SERVICE_UNIT: Final = "wecall-apply.service"
_UNITS: Final = (SOCKET_UNIT, HANDSET_UNIT, SYNC_UNIT)

_USER: Final = "wecall"
_STATE: Final = "/var/lib/wecall"
# Links may lie there: root goes nowhere in the handset's folder.
_FORGET: Final = (
    "import pathlib, firmware.configuration.config_store as its; "
    f"its.ConfigStore(pathlib.Path({_STATE!r})).forget_operator()"
)


class ForgetError(HandsetError):
    """The operator is not forgotten, or not by all."""


def main() -> None:
    """Forget, and say what to do next; the services run again afterwards, whatever came of it."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    machine = Machine()
    verifier = Verifier(machine.configuration, serial, ProvenTime(machine.state / NAME))
    try:
        forget_operator(machine, Work(machine, verifier), _have_handset_forget)
    except (HandsetError, OSError) as error:
        sys.exit(f"Error: {error}")
    print(  # noqa: T201 - a command
        "The operator is forgotten. The next bundle is taken as a new phone's first one: plug it in and compare the "
        "words.\nNetworks and the holder's things are as before. What /etc/wecall/config.toml says counts again, its "
        "[trust] included."
    )


def forget_operator(machine: Machine, work: Work, have_handset_forget: Callable[[], None]) -> None:
    """Have handset and root forget whom they trust, while neither runs.

    Args:
        machine: this one.
        work: what root does.
        have_handset_forget: has the handset's part done, as its user.

    Raises:
        ForgetError: the services do not stop, or the handset's part fails. Said again, it goes on.
        OSError: the disk is full, read-only or broken. Said again, it goes on.
    """
    if machine.run("systemctl", "stop", SERVICE_UNIT, *_UNITS) is None:
        raise ForgetError("The services could not be stopped, so nothing is changed. See: systemctl status 'wecall-*'")
    try:
        # Last what makes another key count: cut off before, nobody new is trusted by anybody.
        have_handset_forget()
        work.forget_operator()
    finally:
        machine.run("systemctl", "start", *_UNITS)


def _have_handset_forget() -> None:
    # Another process of that user could reach into this one, so it gets nothing of the terminal.
    done = subprocess.run(  # noqa: S603 - our own module, by root's own interpreter
        (sys.executable, "-I", "-c", _FORGET),
        user=_USER, group=_USER, extra_groups=(), cwd="/", env={}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise ForgetError(f"What bundles brought could not be deleted from {_STATE}. Is the card full or read-only?")


if __name__ == "__main__":
    main()
