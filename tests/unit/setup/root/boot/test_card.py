"""A card: what the machine says of it, where its choice is mounted, and why it was started."""

from pathlib import Path

import pytest

from firmware.setup.root.boot.card import ResetReason, boot_choice, reset_reason
from firmware.setup.root.boot.choice import GRUB, RASPBERRY_PI, BootError, Bootloader, Slot
from firmware.setup.root.machine import Machine

MOUNTED = "28 1 254:5 / {root}/ ro - ext4 /dev/dm-0 ro\n31 28 254:7 / {root}/data rw - ext4 /dev/vda7 rw\n"


class CardRoot:
    """The root of a machine that runs from the card /dev/vda; it notes what is mounted."""

    def __init__(self, root: Path, bootloader: Bootloader) -> None:
        self.root = root
        self.commands: list[str] = []
        self.mounts = True
        self.write("run/wecall-update/slot", "B\n")
        self.write("proc/cmdline", "quiet wecall.slot=B\n")
        self.write("proc/self/mountinfo", MOUNTED.format(root=root))
        for number in (1, 7):
            self.write(f"sys/devices/vda/vda{number}/partition", f"{number}\n")
        (root / "sys/dev/block").mkdir(parents=True)
        (root / "sys/dev/block/254:7").symlink_to("../../devices/vda/vda7")
        self.file = root / "boot/firmware" / bootloader.file
        self.file.parent.mkdir(parents=True)
        self.file.write_bytes(bootloader.content(bootloader.at_rest(Slot.A)))

    def write(self, path: str, content: str | bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def firmware_says(self, **values: int) -> None:
        for name, value in values.items():
            self.write(f"proc/device-tree/chosen/bootloader/{name}", value.to_bytes(4, "big"))

    def run(self, *command: str) -> str | None:
        self.commands.append(" ".join(command))
        return "" if self.mounts else None

    @property
    def machine(self) -> Machine:
        return Machine(self.root, self.run)


@pytest.fixture
def pc(tmp_path: Path) -> CardRoot:
    return CardRoot(tmp_path, GRUB)


@pytest.fixture
def raspberry_pi(tmp_path: Path) -> CardRoot:
    root = CardRoot(tmp_path, RASPBERRY_PI)
    root.firmware_says(partition=3, tryboot=0)
    return root


def test_the_first_partition_of_the_card_that_runs_is_mounted_as_long_as_it_is_needed(pc: CardRoot) -> None:
    folder = pc.root / "boot/firmware"
    with boot_choice(pc.machine) as choice:
        assert pc.commands == [f"mount -t vfat -o rw,nosuid,nodev,noexec,noatime /dev/vda1 {folder}"]
        assert (choice.booted, choice.primary) == (Slot.B, Slot.A)
    assert pc.commands[1:] == [f"umount {folder}"]


def test_what_another_has_mounted_stays(pc: CardRoot) -> None:
    pc.write("proc/self/mountinfo", f"33 28 254:1 / {pc.root}/boot/firmware rw - vfat /dev/vda1 rw\n")
    with boot_choice(pc.machine):
        pass
    assert pc.commands == []


def test_a_partition_that_cannot_be_mounted_is_an_error(pc: CardRoot) -> None:
    pc.mounts = False
    with pytest.raises(BootError, match="cannot be mounted"), boot_choice(pc.machine):
        pass


def test_a_machine_without_a_card_has_no_choice(pc: CardRoot) -> None:
    pc.write("proc/self/mountinfo", "")
    with pytest.raises(BootError, match="does not run from a card"), boot_choice(pc.machine):
        pass
    (pc.root / "run/wecall-update/slot").unlink()
    with pytest.raises(BootError, match="does not run from a card"), boot_choice(pc.machine):
        pass


@pytest.mark.parametrize(("words", "expected"), [("wecall.slot=B", False), ("wecall.slot=B wecall.trial", True)])
def test_grub_says_whether_it_is_a_trial(pc: CardRoot, words: str, *, expected: bool) -> None:
    pc.write("proc/cmdline", f"quiet {words}\n")
    with boot_choice(pc.machine) as choice:
        assert choice.on_trial is expected


@pytest.mark.parametrize("tryboot", [0, 1])
def test_a_raspberry_pi_says_whether_it_is_a_trial(raspberry_pi: CardRoot, tryboot: int) -> None:
    raspberry_pi.firmware_says(tryboot=tryboot)
    with boot_choice(raspberry_pi.machine) as choice:
        assert choice.on_trial is bool(tryboot)


@pytest.mark.parametrize(("capabilities", "tries"), [(0x7F, True), (0x7B, False), (None, True)])
def test_a_raspberry_pi_that_knows_no_trials_starts_none(
    raspberry_pi: CardRoot, capabilities: int | None, *, tries: bool
) -> None:
    raspberry_pi.write("run/wecall-update/slot", "A\n")
    if capabilities is not None:
        raspberry_pi.firmware_says(capabilities=capabilities)
    with boot_choice(raspberry_pi.machine) as choice:
        if tries:
            assert choice.arm_trial(Slot.B) == "0 tryboot"
        else:
            with pytest.raises(BootError, match="too old"):
                choice.arm_trial(Slot.B)


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ([], ResetReason.UNKNOWN),
        (["0\n"], ResetReason.POWER),
        (["0\n", "32\n"], ResetReason.WATCHDOG),
        (["0x20\n"], ResetReason.WATCHDOG),
    ],
)
def test_a_pc_says_by_its_watchdog_why_it_was_started(tmp_path: Path, states: list[str], reason: ResetReason) -> None:
    for number, state in enumerate(states):
        path = tmp_path / f"sys/class/watchdog/watchdog{number}/bootstatus"
        path.parent.mkdir(parents=True)
        path.write_text(state)
    assert reset_reason(tmp_path) is reason


@pytest.mark.parametrize("name", ["rsts", "pm_rsts"])
@pytest.mark.parametrize(
    ("register", "reason"),
    [
        (0x1000, ResetReason.POWER),
        (0x20, ResetReason.WATCHDOG),
        (0x1020, ResetReason.WATCHDOG),
        (0, ResetReason.UNKNOWN),
    ],
)
def test_a_raspberry_pi_says_by_its_register_why_it_was_started(
    raspberry_pi: CardRoot, name: str, register: int, reason: ResetReason
) -> None:
    raspberry_pi.write("sys/class/watchdog/watchdog0/bootstatus", "0\n")
    raspberry_pi.firmware_says(**{name: register})
    assert reset_reason(raspberry_pi.root) is reason
