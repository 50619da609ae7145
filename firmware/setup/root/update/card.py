"""What runs on this machine, and by what it is updated."""

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, Literal

from firmware.setup.root.boot.card import ResetReason, reset_reason
from firmware.setup.root.boot.choice import BootChoice, BootError, Slot
from firmware.setup.root.machine import Machine
from firmware.setup.root.update.memory import MemoryDamagedError, Start, read_memory

_log = logging.getLogger(__name__)

_PACKAGE: Final = "wecall-handset"
_IMAGE: Final = "usr/lib/wecall/image.json"
"""The image's build writes it; it exists on a card alone."""

_BOOT_ID: Final = "proc/sys/kernel/random/boot_id"


@dataclass(frozen=True, slots=True)
class Card:
    """The machine, as far as updates go.

    Attributes:
        how: what it is updated by.
        version: that runs.
        compatible: which hardware the image is for; empty where it is no card.
    """

    how: Literal["card", "package", "other"]
    version: str
    compatible: str = ""


def read_card(machine: Machine, installed: Callable[[], str] = lambda: version(_PACKAGE)) -> Card:
    """Return what this machine is updated by.

    Args:
        machine: the machine.
        installed: returns the version of the handset's Python package.
    """
    try:
        said = json.loads((machine.root / _IMAGE).read_bytes())
        return Card("card", str(said["version"]), str(said["compatible"]))
    except FileNotFoundError:
        pass
    except (OSError, ValueError, LookupError, TypeError) as error:
        _log.error("/%s cannot be read (%s): no update is taken. Write the card anew.", _IMAGE, type(error).__name__)
    status = machine.run("dpkg-query", "--show", "--showformat=${db:Status-Status}", _PACKAGE)
    return Card("package" if (status or "").strip() == "installed" else "other", installed())


def read_start(machine: Machine, boot_choice: Callable[[], AbstractContextManager[BootChoice]]) -> Start:
    """Return how the machine was started.

    Args:
        machine: the machine.
        boot_choice: gives the choice of what boots.

    Raises:
        BootError: this is no card, or its first partition cannot be mounted or written.
        OSError: the kernel does not say which start this is.
    """
    with boot_choice() as boot:
        try:
            primary = boot.primary
        except BootError:
            # Damaged: it is written anew, as it was.
            boot.normalise(_primary(machine))
            primary = boot.primary
    boot_id = (machine.root / _BOOT_ID).read_text(encoding="ascii").strip()
    return Start(boot.booted, primary, boot_id, reset_reason(machine.root) is ResetReason.WATCHDOG)


def _primary(machine: Machine) -> Slot | None:
    """Return the primary system, as far as what root remembers tells: what waits or is on trial is not it."""
    with suppress(MemoryDamagedError):
        waiting = read_memory(machine.state).waiting
        return waiting.slot.other if waiting is not None else None
    return None
