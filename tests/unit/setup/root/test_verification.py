"""Which bundles root takes, whatever the handset says of them."""

import io
from datetime import timedelta
from pathlib import Path

import pytest

from contract.results import OutcomeCode
from firmware.base.proven_time import ProvenTime
from firmware.setup.root.record import Record
from firmware.setup.root.verification import Verifier
from provisioning.errors import BundleRefusedError
from provisioning.trust import Kind
from tests.lab.bundles import ISSUED, SERIAL, Installer
from tests.lab.root_machine import OPERATOR, STRANGER, RootMachine, configuration

pytestmark = pytest.mark.feature("networks by bundle")

CONFIGURED = {"config.toml": configuration()}
PINNED = Record(pins=(OPERATOR.trusted,), fleet="shop", newest=6, reverted=(9,))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return where whoever has root may have written a configuration."""
    return tmp_path / "config.toml"


def verifier(written: Path, now_s: float = ISSUED.timestamp(), *, synced: bool = False, built_s: float = 0) -> Verifier:
    time = ProvenTime(written.parent / "proven-time", lambda: now_s, lambda: synced, built_s)
    return Verifier(written, lambda: SERIAL, time)


def refusal_of(written: Path, bundle: bytes, record: Record = PINNED, number: int = 7) -> OutcomeCode:
    with pytest.raises(BundleRefusedError) as refused:
        verifier(written).verify(record, number, io.BytesIO(bundle))
    return refused.value.refusal


def test_a_bundle_of_a_pinned_key_is_taken(written: Path) -> None:
    verified = verifier(written).verify(PINNED, 7, io.BytesIO(OPERATOR.bundle(CONFIGURED)))
    assert verified.configuration.device.id == "handset-1"


@pytest.mark.parametrize(
    ("bundle", "refusal"),
    [
        (STRANGER.bundle({"config.toml": configuration(trusted=STRANGER)}), OutcomeCode.UNKNOWN_KEY),
        (OPERATOR.bundle(CONFIGURED)[:-1] + b"x", OutcomeCode.FORGED),
        (OPERATOR.bundle(CONFIGURED, serials=("10000000ffffffff",)), OutcomeCode.WRONG_SERIAL),
        (OPERATOR.bundle(CONFIGURED, fleet="other"), OutcomeCode.WRONG_FLEET),
        (
            OPERATOR.bundle(CONFIGURED, issued_at=ISSUED - timedelta(days=9), not_after=ISSUED - timedelta(days=1)),
            OutcomeCode.EXPIRED,
        ),
        (OPERATOR.bundle(CONFIGURED, 6), OutcomeCode.OLD),
        (OPERATOR.bundle(CONFIGURED, 9), OutcomeCode.REVERTED_BEFORE),
        (OPERATOR.bundle(CONFIGURED, 8), OutcomeCode.UNREADABLE),
        (OPERATOR.bundle({"config.toml": b"version = 1"}), OutcomeCode.MISTAKES),
        (OPERATOR.bundle({"config.toml": b"\xff"}), OutcomeCode.MISTAKES),
        (OPERATOR.bundle({}), OutcomeCode.MISTAKES),
        (
            OPERATOR.bundle({"config.toml": configuration(trusted=Installer(bytes(32), Kind.POLICY))}),
            OutcomeCode.LOCKED_OUT,
        ),
        (OPERATOR.bundle_with_firmware(CONFIGURED), OutcomeCode.FIRMWARE_SUPERSEDED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_other_bundle_is_refused(written: Path, bundle: bytes, refusal: OutcomeCode) -> None:
    assert refusal_of(written, bundle) is refusal


@pytest.mark.parametrize("proof", ["the firmware", "an earlier bundle", "a clock that was right"])
def test_a_clock_in_1970_makes_no_bundle_good_that_is_over(written: Path, proof: str) -> None:
    later_s = (ISSUED + timedelta(days=91)).timestamp()
    if proof == "an earlier bundle":
        issued_at = ISSUED + timedelta(days=91)
        earlier = OPERATOR.bundle(CONFIGURED, issued_at=issued_at, not_after=issued_at + timedelta(days=9))
        verifier(written, 0).verify(PINNED, 7, io.BytesIO(earlier))
    if proof == "a clock that was right":
        verifier(written, later_s, synced=True).note_clock()
    built_s = later_s if proof == "the firmware" else 0
    with pytest.raises(BundleRefusedError) as refused:
        verifier(written, 0, built_s=built_s).verify(PINNED, 7, io.BytesIO(OPERATOR.bundle(CONFIGURED)))
    assert refused.value.refusal is OutcomeCode.EXPIRED


def test_where_the_clock_is_right_a_bundle_from_the_future_is_refused(written: Path) -> None:
    issued_at = ISSUED + timedelta(days=1)
    bundle = io.BytesIO(OPERATOR.bundle(CONFIGURED, issued_at=issued_at))
    with pytest.raises(BundleRefusedError) as refused:
        verifier(written, synced=True).verify(PINNED, 7, bundle)
    assert refused.value.refusal is OutcomeCode.NOT_YET_VALID
    verifier(written, synced=False).verify(PINNED, 7, bundle)


def test_what_is_refused_proves_nothing(written: Path) -> None:
    issued_at = ISSUED + timedelta(days=900)
    forged = STRANGER.bundle(CONFIGURED, issued_at=issued_at, not_after=issued_at + timedelta(days=9))
    assert refusal_of(written, forged) is OutcomeCode.UNKNOWN_KEY
    verifier(written).verify(PINNED, 7, io.BytesIO(OPERATOR.bundle(CONFIGURED)))


def test_a_configuration_of_another_fleet_than_its_bundles_is_refused(written: Path) -> None:
    """The handset refuses it as well, but whoever has broken into that would be of another fleet from then on."""
    assert refusal_of(written, OPERATOR.bundle({"config.toml": configuration(fleet="other")})) is OutcomeCode.MISTAKES


def test_a_first_signer_must_be_among_those_that_it_wants_to_be_trusted(written: Path) -> None:
    bundle = STRANGER.bundle({"config.toml": configuration(trusted=OPERATOR)})
    assert refusal_of(written, bundle, Record()) is OutcomeCode.UNKNOWN_KEY


def test_the_very_first_signer_is_trusted_on_first_use(written: Path) -> None:
    configured = {"config.toml": configuration(trusted=STRANGER)}
    verifier(written).verify(Record(), 7, io.BytesIO(STRANGER.bundle(configured)))
    old = STRANGER.bundle_with_firmware(configured)
    assert refusal_of(written, old, Record()) is OutcomeCode.FIRMWARE_SUPERSEDED


def test_the_sites_key_on_the_card_alone_may_sign_the_first(written: Path) -> None:
    site_key = written.parent / "site.pub"
    site_key.write_text(f"{OPERATOR.trusted.public}\n")
    strangers = STRANGER.bundle({"config.toml": configuration(trusted=STRANGER)})
    assert refusal_of(written, strangers, Record()) is OutcomeCode.UNKNOWN_KEY
    verifier(written).verify(Record(), 7, io.BytesIO(OPERATOR.bundle(CONFIGURED)))
    locked_out = OPERATOR.bundle({"config.toml": configuration(trusted=STRANGER)})
    assert refusal_of(written, locked_out, Record()) is OutcomeCode.UNKNOWN_KEY
    site_key.write_text("no key\n")
    verifier(written).verify(Record(), 7, io.BytesIO(strangers))


def test_keys_that_were_written_down_by_hand_count_from_the_first_bundle_on(written: Path) -> None:
    written.write_bytes(configuration())
    verifier(written).verify(Record(), 7, io.BytesIO(OPERATOR.bundle(CONFIGURED)))
    assert refusal_of(written, STRANGER.bundle(CONFIGURED), Record()) is OutcomeCode.UNKNOWN_KEY
    assert refusal_of(written, OPERATOR.bundle(CONFIGURED, fleet="other"), Record()) is OutcomeCode.WRONG_FLEET


def test_a_bundle_without_a_configuration_leaves_the_one_in_force(written: Path) -> None:
    machine = RootMachine(written.parent / "root")
    machine.keep(6, OPERATOR.bundle({"config.toml": configuration("[time]\nservers = ['a.example.org']")}, 6))
    assert machine.attempt(7, OPERATOR.bundle({"contacts.vcf": b""}, 7)).outcome == "applied"
    machine.work().keep(7)
    active = machine.work()._record.active
    assert active is not None
    assert "a.example.org" in active.configuration
