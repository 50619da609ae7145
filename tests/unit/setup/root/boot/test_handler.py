"""RAUC's handler: what it answers, what it refuses, and the files that a new card begins with."""

import re
import subprocess
from pathlib import Path

import pytest

from firmware.setup.root.boot import __main__ as handler
from firmware.setup.root.boot.choice import GRUB, RASPBERRY_PI, BootChoice, BootError, Marks, Slot
from tests.lab.boot_model import chooses

ROOT = Path(__file__).parents[5]


@pytest.fixture
def choice(tmp_path: Path) -> BootChoice:
    (tmp_path / "grub").mkdir()
    assert handler.main(["new", "amd64", str(tmp_path / GRUB.file)]) == 0
    return BootChoice(GRUB, tmp_path, Slot.B, as_trial=True)


def test_rauc_is_told_what_boots_and_what_runs(choice: BootChoice) -> None:
    questions = ("get-primary", "get-current", "get-state A", "get-state B")
    assert [handler.answer(choice, question.split()) for question in questions] == ["A", "B", "good", "bad"]


@pytest.mark.parametrize("command", ["set-state B good", "set-primary B"])
def test_rauc_marks_what_runs_as_good(choice: BootChoice, command: str) -> None:
    assert handler.answer(choice, command.split()) == ""
    assert choice.primary is Slot.B


@pytest.mark.parametrize(
    "command", ["set-state A good", "set-primary A", "set-state A bad", "set-state C bad", "get-state", "switch", ""]
)
def test_all_else_is_refused(choice: BootChoice, command: str) -> None:
    with pytest.raises(BootError):
        handler.answer(choice, command.split())
    assert choice.primary is Slot.A


def test_an_error_is_a_sentence_and_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert handler.main(["get-primary"]) == 1
    assert capsys.readouterr() == (
        "",
        "/run/wecall-update/slot does not say which system runs: this machine does not run from a card.\n",
    )


@pytest.mark.parametrize(("architecture", "file"), [("amd64", GRUB.file), ("arm64", RASPBERRY_PI.file)])
def test_a_new_card_boots_a(tmp_path: Path, architecture: str, file: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    assert handler.main(["new", architecture, str(tmp_path / file)]) == 0
    assert chooses(tmp_path) == "A"


def test_a_card_is_judged_by_the_image_of_its_partition(tmp_path: Path) -> None:
    image, file = tmp_path / "p1.img", tmp_path / "slot.env"
    file.write_bytes(GRUB.content(Marks(Slot.A, Slot.B)))
    commands = ("mformat -C -T 2048 -i {} ::", "mmd -i {} ::grub", "mcopy -i {} slot.env ::grub/slot.env")
    for command in commands:
        subprocess.run(command.format(image).split(), cwd=tmp_path, check=True)
    assert chooses(image) == chooses(image.read_bytes()) == "B"
    assert chooses(image, {Slot.A}) == "A"
    with pytest.raises(ValueError, match="Neither"):
        chooses(image, ())


def test_grub_itself_changes_one_byte_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "slot.env"
    file.write_bytes(GRUB.content(Marks(Slot.A, Slot.B)))
    listed = subprocess.run(["grub-editenv", file, "list"], capture_output=True, text=True, check=True).stdout
    assert listed == "primary=A\ntrial=B\n"
    subprocess.run(["grub-editenv", file, "set", "trial=-"], check=True)
    assert file.read_bytes() == GRUB.content(Marks(Slot.A, None))


def test_autoboot_txt_is_what_the_documentation_shows() -> None:
    expected = "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n"
    assert RASPBERRY_PI.content(Marks(Slot.A, Slot.B)).decode() == expected


def test_grub_reads_its_script() -> None:
    subprocess.run(["grub-script-check", ROOT / "systemd/grub.cfg"], check=True)


def test_raucs_handler_hands_its_words_on(tmp_path: Path) -> None:
    script = (ROOT / "systemd/boot-slot").read_text()
    [program] = re.findall(r"^exec (\S+) ", script, re.MULTILINE)
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    python.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", script.replace(program, str(python)), "boot-slot", "set-state", "A", "bad"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "-I|-m|firmware.setup.root.boot|set-state|A|bad|"
