from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fleet.errors import FleetError
from fleet.simulator.certificates import DeviceCertificates, device_names
from provisioning.authority import Authority, common_name

NAMES = device_names("sim", 1, 3)


def authority(days: int = 30) -> Authority:
    return Authority.found("Trial", days=days, now=datetime.now(UTC))


def test_each_handset_gets_a_certificate_in_its_own_name_that_ends_soon(tmp_path: Path) -> None:
    ours = authority()
    certificates = DeviceCertificates(tmp_path / "new")
    made: list[None] = []
    certificates.make(NAMES, ours, lambda: made.append(None))
    assert len(made) == 3
    for name in NAMES:
        certificate = x509.load_pem_x509_certificate((tmp_path / "new" / f"{name}.pem").read_bytes())
        certificate.verify_directly_issued_by(ours.certificate)
        assert common_name(certificate) == name
        assert certificate.not_valid_after_utc < datetime.now(UTC) + timedelta(days=15)
        key_path = tmp_path / "new" / f"{name}.key"
        assert load_pem_private_key(key_path.read_bytes(), None).public_key() == certificate.public_key()
        assert key_path.stat().st_mode & 0o777 == 0o600


def test_what_is_there_is_used_again_while_it_is_good(tmp_path: Path) -> None:
    ours, others, ending = authority(), authority(), authority(days=1)
    certificates = DeviceCertificates(tmp_path)
    assert certificates.missing(NAMES, ours.certificate) == list(NAMES)
    certificates.make(NAMES, ours, lambda: None)
    assert certificates.missing(NAMES, ours.certificate) == []
    assert certificates.missing(NAMES, None) == []
    assert certificates.missing(NAMES, others.certificate) == list(NAMES)
    (tmp_path / f"{NAMES[0]}.pem").write_text("-----BEGIN CERT")
    (tmp_path / f"{NAMES[1]}.key").unlink()
    assert certificates.missing(NAMES, ours.certificate) == [NAMES[0], NAMES[1]]
    certificates.make(NAMES, ending, lambda: None)
    assert certificates.missing(NAMES, ending.certificate) == list(NAMES)


def test_device_ids_are_numbered_from_the_first() -> None:
    assert device_names("desk", 99, 2) == ("desk-00099", "desk-00100")


@pytest.mark.parametrize("name", ["", "-sim", "sim/+", "小", "a" * 60, "Sim"])
def test_a_name_that_begins_no_device_id_is_refused(name: str) -> None:
    with pytest.raises(FleetError, match="begins no device id"):
        device_names(name, 1, 1)
