"""What holds for both bootloaders: whatever cuts an update off, what is good boots, and what is new once, on trial."""

from collections.abc import Callable, Collection
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from firmware.setup.root.boot.__main__ import answer
from firmware.setup.root.boot.choice import BootChoice, BootError, Marks, Slot
from tests.fakes.boot_firmware import (
    BOTH,
    Firmware,
    PcFirmware,
    PowerCutError,
    RaspberryPiFirmware,
    Started,
    first_that_loads,
    power_cut,
)
from tests.lab.chance import counted

_NEVER = 1000
_CUTS = st.tuples(st.just(_NEVER) | st.integers(0, 2), st.integers(0, 3))
"""How many writes and flushes are done before the power goes, and which bytes of the last ones are on the card."""

FIRMWARES = pytest.mark.parametrize("firmware", [PcFirmware(), RaspberryPiFirmware()], ids=["PC", "Raspberry Pi"])


class Content(Enum):
    """What is in a slot."""

    TORN = auto()
    NEW = auto()
    GOOD = auto()


class Card(RuleBasedStateMachine):
    """A card in a machine, with root's service and RAUC as far as they choose what boots."""

    def make_firmware(self) -> Firmware:
        """Return what boots it."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.firmware = self.make_firmware()
        self.path = Path(self.folder.name) / self.firmware.bootloader.file
        self.path.parent.mkdir(exist_ok=True)
        self.slots = {Slot.A: Content.GOOD}
        self.due: Slot | None = None
        self.running = Started(Slot.A, as_trial=False)

    def teardown(self) -> None:
        self.folder.cleanup()

    @property
    def choice(self) -> BootChoice:
        """What root's programs have of it while the system runs that does."""
        booted, as_trial = self.running.slot, self.running.as_trial
        return BootChoice(self.firmware.bootloader, Path(self.folder.name), booted, as_trial=as_trial)

    @initialize(content=st.sampled_from(Content))
    def make(self, content: Content) -> None:
        self.slots[Slot.B] = content
        self.path.write_bytes(self.firmware.bootloader.content(self.firmware.bootloader.at_rest(Slot.A)))
        self.start()

    @rule(cut=_CUTS)
    def normalise(self, cut: tuple[int, int]) -> None:
        if self.survives(cut, self.choice.normalise):
            self.due = None

    @rule(cut=_CUTS, torn=st.booleans())
    def install(self, cut: tuple[int, int], *, torn: bool) -> None:
        other = self.running.slot.other
        try:
            if not self.survives(cut, lambda: answer(self.choice, ["set-state", other, "bad"])):
                return
        except BootError:
            assert self.choice.primary is other, "only a way back is not given up"
            return
        self.due = None
        self.slots[other] = Content.TORN if torn else Content.NEW
        if torn:
            self.start_again("power")

    @precondition(lambda self: self.slots[self.running.slot.other] is not Content.TORN)
    @rule(cut=_CUTS, reboots=st.booleans())
    def try_other(self, cut: tuple[int, int], *, reboots: bool) -> None:
        other = self.running.slot.other
        if self.choice.primary is other:
            with pytest.raises(BootError):
                self.choice.arm_trial(other)
            return
        self.due = other
        argument = ""

        def arm() -> None:
            nonlocal argument
            argument = self.choice.arm_trial(other)

        if self.survives(cut, arm) and reboots:
            self.firmware.reboot(argument)
            assert self.start() == Started(other, as_trial=True)

    @rule(cut=_CUTS)
    def find_good(self, cut: tuple[int, int]) -> None:
        self.slots[self.running.slot] = Content.GOOD
        if self.survives(cut, lambda: answer(self.choice, ["set-state", self.running.slot, "good"])):
            self.due = None
            assert self.choice.primary is self.running.slot
            assert not self.choice.on_trial

    @rule(how=st.sampled_from(["reboot", "watchdog", "power", "power in the bootloader"]))
    def start_again(self, how: str) -> None:
        if how == "reboot":
            self.firmware.reboot("")
        if how == "power in the bootloader":
            self.firmware.decide(Path(self.folder.name))
        if how.startswith("power"):
            self.firmware.cut_power()
        self.start()

    def survives(self, cut: tuple[int, int], do: Callable[[], object]) -> bool:
        """Do something; return False where the power went meanwhile, and the machine was started again."""
        try:
            with power_cut(*cut):
                do()
        except PowerCutError:
            self.start_again("power")
            return False
        return True

    def start(self) -> Started:
        """Start the machine, and judge what it starts."""
        decided = self.firmware.decide(Path(self.folder.name))
        assert decided[0] == first_that_loads(decided, BOTH)
        started = decided[0]
        content = self.slots[started.slot]
        if content is not Content.GOOD:
            assert content is Content.NEW
            assert self.due is started.slot, "what is new boots once"
            assert started.as_trial
        if started.as_trial:
            self.due = None
        self.running = started
        assert self.choice.primary in {slot for slot, content in self.slots.items() if content is Content.GOOD}
        return started


class PcCard(Card):
    """A card in a PC."""

    def make_firmware(self) -> Firmware:
        return PcFirmware()


class RaspberryPiCard(Card):
    """A card in a Raspberry Pi."""

    def make_firmware(self) -> Firmware:
        return RaspberryPiFirmware()


class EarlyRaspberryPi4Card(Card):
    """A card in one of the first Raspberry Pi 4, whose EEPROM keeps the flag without power."""

    def make_firmware(self) -> Firmware:
        return RaspberryPiFirmware(keeps_flag=True)


TestPcCard = PcCard.TestCase
TestRaspberryPiCard = RaspberryPiCard.TestCase
TestEarlyRaspberryPi4Card = EarlyRaspberryPi4Card.TestCase
_OFTEN = settings(max_examples=counted(full=2000, landing=100), stateful_step_count=30)
TestPcCard.settings = TestRaspberryPiCard.settings = TestEarlyRaspberryPi4Card.settings = _OFTEN


def choice(firmware: Firmware, folder: Path, booted: Slot = Slot.A, *, as_trial: bool = False) -> BootChoice:
    """Make a card that boots A, and return what it is to a system."""
    path = folder / firmware.bootloader.file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(firmware.bootloader.content(firmware.bootloader.at_rest(Slot.A)))
    return BootChoice(firmware.bootloader, folder, booted, as_trial=as_trial)


def starts(firmware: Firmware, folder: Path, loadable: Collection[Slot] = BOTH) -> Started | None:
    return first_that_loads(firmware.decide(folder), loadable)


@FIRMWARES
def test_a_trial_is_one_start(firmware: Firmware, tmp_path: Path) -> None:
    firmware.reboot(choice(firmware, tmp_path).arm_trial(Slot.B))
    assert starts(firmware, tmp_path) == Started(Slot.B, as_trial=True)
    assert starts(firmware, tmp_path) == Started(Slot.A, as_trial=False)


@FIRMWARES
def test_a_system_that_was_found_good_in_its_trial_boots_from_then_on(firmware: Firmware, tmp_path: Path) -> None:
    found = choice(firmware, tmp_path, Slot.B, as_trial=True)
    before = found.on_trial
    found.set_primary(Slot.B)
    assert (before, found.on_trial) == (True, False)
    firmware.cut_power()
    assert starts(firmware, tmp_path) == Started(Slot.B, as_trial=False)


@FIRMWARES
@pytest.mark.parametrize("slot", Slot)
def test_a_system_whose_kernel_does_not_load_is_passed_over(firmware: Firmware, tmp_path: Path, slot: Slot) -> None:
    firmware.reboot(choice(firmware, tmp_path).arm_trial(Slot.B))
    assert starts(firmware, tmp_path, {slot}) is not None
    assert starts(firmware, tmp_path, {slot}) == Started(slot, as_trial=False)


@FIRMWARES
def test_only_the_system_that_runs_becomes_the_primary_one(firmware: Firmware, tmp_path: Path) -> None:
    with pytest.raises(BootError, match="does not run"):
        choice(firmware, tmp_path).set_primary(Slot.B)


@FIRMWARES
def test_neither_the_system_that_runs_nor_its_way_back_is_given_up(firmware: Firmware, tmp_path: Path) -> None:
    on_trial = choice(firmware, tmp_path, Slot.B, as_trial=True)
    for slot in Slot:
        with pytest.raises(BootError, match="is needed"):
            on_trial.release(slot)
    assert on_trial.primary is Slot.A


@FIRMWARES
def test_a_trial_begins_from_the_primary_system_and_is_the_other_one(firmware: Firmware, tmp_path: Path) -> None:
    for booted, tried in ((Slot.A, Slot.A), (Slot.B, Slot.A), (Slot.B, Slot.B)):
        with pytest.raises(BootError, match="cannot be tried"):
            choice(firmware, tmp_path, booted).arm_trial(tried)


@FIRMWARES
@pytest.mark.parametrize(("booted", "as_trial"), [(Slot.B, False), (Slot.A, True)])
@pytest.mark.parametrize("damage", [b"", b"\xff" * 1024, b"\xff" * 63, None])
def test_a_damaged_file_is_written_anew_for_the_system_that_is_good(
    firmware: Firmware, tmp_path: Path, damage: bytes | None, booted: Slot, *, as_trial: bool
) -> None:
    found = choice(firmware, tmp_path, booted, as_trial=as_trial)
    path = tmp_path / firmware.bootloader.file
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    with pytest.raises(BootError, match=r"cannot be read|is damaged"):
        _ = found.primary
    assert starts(firmware, tmp_path) is not None
    found.normalise()
    assert starts(firmware, tmp_path) == Started(Slot.B, as_trial=False)


@FIRMWARES
def test_every_state_has_a_file_of_its_own_and_all_are_as_long(firmware: Firmware) -> None:
    bootloader = firmware.bootloader
    contents = {bootloader.content(marks) for marks in bootloader.known}
    assert len(contents) == len(bootloader.known)
    assert len({len(content) for content in contents}) == 1
    assert [bootloader.read(bootloader.content(marks)) for marks in bootloader.known] == [*bootloader.known]


@FIRMWARES
def test_every_mixture_of_two_states_is_a_state(firmware: Firmware) -> None:
    bootloader = firmware.bootloader
    for old in bootloader.known:
        for new in bootloader.known:
            before, after = bootloader.content(old), bootloader.content(new)
            offsets = [offset for offset, (x, y) in enumerate(zip(before, after, strict=True)) if x != y]
            for kept in range(1 << len(offsets)):
                mixed = bytearray(before)
                for number, offset in enumerate(offsets):
                    if kept >> number & 1:
                        mixed[offset] = after[offset]
                assert isinstance(bootloader.read(bytes(mixed)), Marks)
