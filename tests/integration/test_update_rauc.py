"""The real RAUC judges bundles, with the configuration of a card, as root's service for updates asks it."""

import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.results import OutcomeCode
from firmware.setup.root.update.card import Card
from firmware.setup.root.update.memory import Memory
from firmware.setup.root.update.rauc import UpdateRefusedError
from firmware.setup.root.update.release import check_release
from tests.lab.rauc import RaucService, Signer
from tests.lab.update_machine import COMPATIBLE

pytestmark = pytest.mark.feature("updates by slots")

CARD = Card("card", "1.5", COMPATIBLE)
KEPT = Memory(floor="1.0", failed="1.7")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RaucService]:
    with RaucService(tmp_path_factory.mktemp("rauc")) as service:
        yield service


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("signer"), "release")


@pytest.fixture
def trusted(service: RaucService, signer: Signer) -> RaucService:
    service.keyring.write_text(signer.certificate)
    return service


def code_of(service: RaucService, bundle: Path, kept: Memory = KEPT) -> OutcomeCode | None:
    """Return why a bundle is refused; None where it is not."""
    with bundle.open("rb") as file:
        try:
            facts = service.rauc.inspect(f"/proc/{os.getpid()}/fd/{file.fileno()}")
            check_release(facts, CARD, kept, None)
        except UpdateRefusedError as error:
            return error.code
    return None


def test_a_bundle_of_a_release_key_is_taken(trusted: RaucService, signer: Signer, tmp_path: Path) -> None:
    bundle = signer.bundle(tmp_path / "a.raucb", "2.0")
    facts = trusted.rauc.inspect(str(bundle))
    assert (facts.compatible, facts.version, len(facts.manifest_sha256)) == (COMPATIBLE, "2.0", 64)
    assert code_of(trusted, bundle) is None


def test_a_file_that_the_handset_owns_on_a_stick_is_taken(trusted: RaucService, signer: Signer, tmp_path: Path) -> None:
    bundle = signer.bundle(tmp_path / "a.raucb", "2.0")
    os.chown(bundle, 12345, 12345)
    bundle.chmod(0o600)
    assert code_of(trusted, bundle) is None


@pytest.mark.parametrize(
    ("release", "code"),
    [
        (("2.0", "wecall-handset-arm64"), OutcomeCode.NOT_FOR_THIS),
        (("1.5", COMPATIBLE), OutcomeCode.NOT_NEWER),
        (("1.4", COMPATIBLE), OutcomeCode.NOT_NEWER),
        (("0.9", COMPATIBLE), OutcomeCode.BELOW_FLOOR),
        (("1.7", COMPATIBLE), OutcomeCode.WENT_BACK),
        (("newest", COMPATIBLE), OutcomeCode.UNREADABLE),
    ],
)
def test_a_good_signature_on_the_wrong_release_is_not_enough(
    trusted: RaucService, signer: Signer, tmp_path: Path, release: tuple[str, str], code: OutcomeCode
) -> None:
    assert code_of(trusted, signer.bundle(tmp_path / "a.raucb", *release)) is code


def test_a_strangers_bundle_is_refused_and_so_is_one_of_a_key_that_is_in_no_list(
    trusted: RaucService, signer: Signer, tmp_path: Path
) -> None:
    bundle = Signer(tmp_path, "stranger").bundle(tmp_path / "a.raucb")
    assert code_of(trusted, bundle) is OutcomeCode.UNKNOWN_KEY
    with pytest.raises(UpdateRefusedError) as refused:
        trusted.rauc.install(str(bundle), lambda _percent: None)
    assert refused.value.code is OutcomeCode.UNKNOWN_KEY
    # What the list does not name any more.
    other = Signer(tmp_path, "other")
    trusted.keyring.write_text(other.certificate)
    assert code_of(trusted, signer.bundle(tmp_path / "b.raucb")) is OutcomeCode.UNKNOWN_KEY
    assert code_of(trusted, other.bundle(tmp_path / "c.raucb")) is None


@pytest.mark.parametrize(
    ("begins", "ends", "code"),
    [(2020, 2021, OutcomeCode.EXPIRED), (2100, 2120, OutcomeCode.NOT_YET_VALID), (2020, 2120, None)],
)
def test_a_certificate_counts_at_the_time_of_the_signature(
    service: RaucService, tmp_path: Path, begins: int, ends: int, code: OutcomeCode | None
) -> None:
    validity = {"begins": datetime(begins, 1, 1, tzinfo=UTC), "ends": datetime(ends, 1, 1, tzinfo=UTC)}
    signer = Signer(tmp_path, "release", **validity)
    service.keyring.write_text(signer.certificate)
    assert code_of(service, signer.bundle(tmp_path / "a.raucb")) is code


def changed(bundle: Path, change: Callable[[bytearray], object]) -> None:
    content = bytearray(bundle.read_bytes())
    change(content)
    bundle.write_bytes(content)


def end_of_signature(content: bytearray) -> None:
    content[-40] ^= 1


def version_in_manifest(content: bytearray) -> None:
    content[content.rindex(b"version=2.0") + 8] ^= 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda content: content.__delitem__(slice(-1000, None)), OutcomeCode.DAMAGED),
        (lambda content: content.__delitem__(slice(5, None)), OutcomeCode.DAMAGED),
        (lambda content: content.clear(), OutcomeCode.DAMAGED),
        (lambda content: content.__setitem__(slice(-8, None), bytes(8)), OutcomeCode.DAMAGED),
        (lambda content: content.__setitem__(slice(-600, -8), os.urandom(592)), OutcomeCode.DAMAGED),
        (end_of_signature, OutcomeCode.FORGED),
        (version_in_manifest, OutcomeCode.FORGED),
    ],
    ids=["cut short", "torn off", "empty", "no signature", "torn signature", "forged", "another version"],
)
def test_a_bundle_that_is_damaged_or_forged_is_refused(
    trusted: RaucService, signer: Signer, tmp_path: Path, change: Callable[[bytearray], object], code: OutcomeCode
) -> None:
    bundle = signer.bundle(tmp_path / "a.raucb")
    changed(bundle, change)
    assert code_of(trusted, bundle) is code


def test_a_plain_bundle_is_refused(trusted: RaucService, signer: Signer, tmp_path: Path) -> None:
    assert code_of(trusted, signer.bundle(tmp_path / "a.raucb", form="plain")) is OutcomeCode.UNREADABLE


def test_a_server_that_is_not_reached_is_told(trusted: RaucService) -> None:
    with pytest.raises(UpdateRefusedError) as refused:
        trusted.rauc.inspect("http://127.0.0.1:9/update.raucb")
    assert refused.value.code is OutcomeCode.UNREACHABLE


def test_without_a_keyring_nothing_is_taken(signer: Signer, tmp_path: Path) -> None:
    # RAUC keeps OpenSSL's errors of the file that is not there, and gives them for reasons of what it judges next.
    with RaucService(tmp_path) as service:
        assert code_of(service, signer.bundle(tmp_path / "a.raucb")) is OutcomeCode.FAILED


def test_what_lies_in_a_slot_is_told_once_it_was_written_whole(service: RaucService) -> None:
    assert service.rauc.lies_in("A") == service.rauc.lies_in("B") == service.rauc.lies_in("C") == ""


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes somebody else")
@pytest.mark.parametrize(("user", "may"), [(0, True), (65_534, False)])
def test_nobody_but_root_has_rauc_install_or_activate_anything(service: RaucService, user: int, may: bool) -> None:
    to_rauc = ("busctl", "call", "de.pengutronix.rauc", "/", "de.pengutronix.rauc.Installer")
    for call in (("Mark", "ss", "active", "other"), ("GetPrimary",), ("InstallBundle", "sa{sv}", "/none.raucb", "0")):
        done = subprocess.run(
            (*to_rauc, *call), env=service.environment, user=user, capture_output=True, text=True, check=False
        )
        assert ("Access denied" in done.stderr) is not may, done.stderr
