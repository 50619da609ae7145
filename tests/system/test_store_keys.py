"""What the machine has to open the store with, handed on by the real systemd: its credential, and the board's key."""

from collections.abc import Iterator

import pytest

from tests.lab.installed_box import InstalledBox, wait_until

HANDSET = "wecall-handset.service"
OTP = "/usr/local/bin/rpi-otp-private-key"
KEY = "00112233445566778899aabbccddeeff" * 2


@pytest.fixture
def bound(box: InstalledBox) -> Iterator[InstalledBox]:
    """A board with a key of its own, as the Raspberry Pi's tool tells it; the installer wants it used."""
    box.run("install", "-m", "0755", "/dev/stdin", OTP, stdin=f"#!/bin/sh\necho {KEY}\n")
    box.run("touch", "/etc/wecall/bind-to-board")
    restart(box)
    try:
        yield box
    finally:
        box.run("rm", "-f", OTP, "/etc/wecall/bind-to-board")
        # What was bound to the board opens on it only.
        box.shell("systemctl stop wecall-handset; rm -f /var/lib/wecall/store*")
        restart(box)


def restart(box: InstalledBox) -> None:
    # A machine does not start so often within so few seconds.
    box.run("systemctl", "reset-failed", "wecall-credentials.service")
    box.run("systemctl", "restart", "wecall-credentials.service", HANDSET)
    wait_until(lambda: box.property_of(HANDSET, "ActiveState") == "active", "the handset runs")


def stolen_card(box: InstalledBox) -> str:
    [line] = [line for line in box.run("wecall", "status").stdout.splitlines() if line.startswith("stolen card")]
    return line


def test_without_a_guard_the_status_says_plainly_that_the_card_can_be_read(box: InstalledBox) -> None:
    assert "Whoever takes the memory card can read everything" in stolen_card(box)
    assert "store-key" in box.run("ls", "/run/credentials/wecall-handset.service").stdout
    assert "board-key" not in box.run("ls", "/run/credentials/wecall-handset.service").stdout


def test_the_boards_own_key_is_handed_on_in_memory_and_guards_the_store(bound: InstalledBox) -> None:
    assert bound.shell("od -v -An -tx1 /run/credentials/wecall-handset.service/board-key | tr -d ' \\n'") == KEY
    assert bound.shell("stat -c %a /run/credstore/wecall.board-key") == "600\n"
    wait_until(lambda: "this Raspberry Pi's own key" in stolen_card(bound), "the store is bound to the board")
    restart(bound)
    assert "store                open" in bound.run("wecall", "status").stdout


@pytest.mark.parametrize("digits", ["0" * 64, "", "no such tool"])
def test_a_board_without_its_key_leaves_a_phone_that_says_what_is_missing(bound: InstalledBox, digits: str) -> None:
    wait_until(lambda: "this Raspberry Pi's own key" in stolen_card(bound), "the store is bound to the board")
    bound.run("install", "-m", "0755", "/dev/stdin", OTP, stdin=f"#!/bin/sh\necho '{digits}'\n")
    restart(bound)
    assert "Put the card back into it" in bound.run("wecall", "doctor", check=False).stdout
    assert "has no key of its own" in bound.journal("wecall-credentials.service")
