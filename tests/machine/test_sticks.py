"""Sticks are plugged into a whole machine: kernel, udev, systemd, our package, and a registrar at the end of its cable.

The tests follow one another like an installer's day: what one has left is what the next begins with.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contract.results import BundleResult, CheckName, OutcomeCode
from provisioning.identity import Identity
from tests.lab.handset_machine import SERIAL, USER, HandsetMachine, report_on

BUNDLE = "office.wecall"
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def identity(machine: HandsetMachine) -> Identity:
    """What the handset writes on a blank stick."""
    stick = machine.new_stick()
    machine.visit(stick, "The phone's identity is on the stick.")
    return Identity.model_validate_json(stick.read(f"identity-{SERIAL}.json"))


def test_a_blank_stick_collects_who_the_handset_is(identity: Identity) -> None:
    assert identity.serial == SERIAL
    assert identity.certificate_request.startswith("-----BEGIN CERTIFICATE REQUEST-----")


@pytest.mark.parametrize(
    ("manifest", "damaged", "refusal", "words"),
    [
        ({}, True, OutcomeCode.FORGED, "Changed after it was signed."),
        ({"serials": ["100000005678ef01"]}, False, OutcomeCode.WRONG_SERIAL, "It is for another phone."),
        ({"not_after": NOW - timedelta(days=1)}, False, OutcomeCode.EXPIRED, "Its time is over."),
    ],
    ids=["corrupt", "wrong serial", "expired"],
)
def test_a_bundle_that_may_not_be_taken_leaves_the_handset_as_it_was_and_says_why(  # noqa: PLR0917 - a case
    machine: HandsetMachine,
    identity: Identity,
    manifest: dict[str, Any],
    damaged: bool,
    refusal: OutcomeCode,
    words: str,
) -> None:
    content = bytearray(machine.bundle(7, identity, **manifest))
    if damaged:
        content[len(content) // 2] ^= 1
    stick = machine.new_stick({BUNDLE: bytes(content)})
    machine.visit(stick, words)
    report = report_on(stick)
    assert (report.result, report.code) == (BundleResult.REFUSED, refusal)
    assert not machine.registrar.is_registered(USER)
    assert stick.read(BUNDLE) == content


def test_a_stick_that_is_pulled_out_while_it_is_read_changes_nothing(
    machine: HandsetMachine, identity: Identity
) -> None:
    heavy = {f"pictures/{number}.png": os.urandom(4 * 1024 * 1024 - 1) for number in range(6)}
    stick = machine.new_stick({BUNDLE: machine.bundle(7, identity, heavy)})
    machine.plug_in(stick)
    machine.shell(
        "until find /var/lib/wecall/provisioning/incoming -type f -size +512k | grep -q .; do sleep 0.1; done"
    )
    machine.pull_out()
    machine.reads("The stick was pulled out too early.")
    assert not machine.shell("grep wecall-stick /proc/mounts || true")
    assert stick.names() == {BUNDLE}
    assert not machine.registrar.is_registered(USER)


def test_a_bundle_sets_the_handset_up_while_somebody_watches_and_leaves_a_report(
    machine: HandsetMachine, identity: Identity
) -> None:
    stick = machine.new_stick({"话机.wecall": machine.bundle(7, identity)})
    machine.visit(stick, "Done Take the stick out. Number: 7.")
    report = report_on(stick)
    assert (report.result, report.number) == (BundleResult.APPLIED, 7)
    passed = {check.name for check in report.checks if check.passed}
    assert {CheckName.SOUND, CheckName.MICROPHONE} <= passed
    assert CheckName.LINES in passed
    assert machine.registrar.is_registered(USER)
    assert "7" in machine.run("wecall", "config", "history").stdout
    assert "Registered." in machine.run("wecall", "doctor", check=False).stdout
    machine.write_times()
