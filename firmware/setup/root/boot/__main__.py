"""`python -m firmware.setup.root.boot`: RAUC's handler for a bootloader of our own; systemd/boot-slot runs it.

RAUC's documentation has its commands under "Custom bootloader backend interface". `new ARCH FILE` is for whoever makes
a card: it writes what the bootloader reads first.
"""

import sys
from pathlib import Path
from typing import Final

from firmware.setup.root.boot.card import boot_choice
from firmware.setup.root.boot.choice import GRUB, RASPBERRY_PI, BootChoice, BootError, Slot
from firmware.setup.root.machine import Machine

_BOOTLOADERS: Final = {"amd64": GRUB, "arm64": RASPBERRY_PI}


def answer(choice: BootChoice, arguments: list[str]) -> str:
    """Do what RAUC asks; return what it is to read.

    A system is "good" where it boots by itself; the bootloader knows no more of one.

    Raises:
        BootError: it must not or cannot be done.
    """
    match arguments:
        case ["get-primary"]:
            return choice.primary
        case ["get-current"]:
            return choice.booted
        case ["get-state", "A" | "B" as name]:
            return "good" if choice.primary is Slot(name) else "bad"
        case ["set-primary", "A" | "B" as name] | ["set-state", "A" | "B" as name, "good"]:
            choice.set_primary(Slot(name))
        case ["set-state", "A" | "B" as name, "bad"]:
            # RAUC says so before it overwrites a system, and does not where this is refused.
            choice.release(Slot(name))
        case _:
            raise BootError(f"Nobody knows the command {arguments}: RAUC's documentation lists them.")
    return ""


def main(arguments: list[str]) -> int:
    """Answer RAUC, or make what a new card begins with; return the exit code."""
    if len(arguments) == 3 and arguments[0] == "new" and arguments[1] in _BOOTLOADERS:  # noqa: PLR2004 - its words
        bootloader = _BOOTLOADERS[arguments[1]]
        Path(arguments[2]).write_bytes(bootloader.content(bootloader.at_rest(Slot.A)))
        return 0
    try:
        with boot_choice(Machine()) as choice:
            text = answer(choice, arguments)
    except BootError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(text and f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
