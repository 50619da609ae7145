"""The contracts of the real devices, run inside a whole machine on what it has of them.

Sound cards are the kernel's loop, displays hang on its I2C stub, which Debian has for PCs, and keypad, hook and light
on the eight GPIO lines of the machine that is like a Raspberry Pi. docs/wiring.md names what has no stand-in.
"""

import re
from collections.abc import Iterator

import pytest

from tests.lab.handset_machine import HandsetMachine

# An emulated machine may stutter once; a driver that is wrong fails each time.
TRIES = 3


@pytest.fixture(scope="module")
def bare_machine(machine: HandsetMachine) -> Iterator[HandsetMachine]:
    """The machine without handset and voice, which hold pins and sound cards."""
    with machine.without_handset():
        yield machine


def test_displays_keep_their_contract(bare_machine: HandsetMachine) -> None:
    if not bare_machine.has_panels:
        pytest.skip("Debian's kernel for this machine has no I2C stub; `make machine` has")
    keeps_contract(bare_machine, "display")


@pytest.mark.parametrize("device", ["sound", "ringer"])
def test_sound_keeps_its_contract(bare_machine: HandsetMachine, device: str) -> None:
    keeps_contract(bare_machine, device)


@pytest.mark.parametrize("device", ["hook_switch", "indicator", "keypad"])
def test_what_hangs_on_pins_keeps_its_contract(bare_machine: HandsetMachine, device: str) -> None:
    if not bare_machine.has_pins:
        pytest.skip("this machine has no GPIO lines; `make machine ARCH=arm64` has")
    keeps_contract(bare_machine, device)


def keeps_contract(machine: HandsetMachine, device: str) -> None:
    for tries in range(1, TRIES + 1):
        said = machine.run_tests("-m", "hardware", f"tests/contract/test_{device}.py")
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error|skipped)", said)}
        machine.figures[f"{device}, inside"] = {**counts, "tries": tries}
        machine.write_figures()
        if set(counts) == {"passed"}:
            return
    pytest.fail(said[-8000:])
