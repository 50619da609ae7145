from pathlib import Path

import pytest

from firmware.base.errors import BundleError
from firmware.setup.bundles.identity import open_identity
from provisioning.sealing import seal_to_device, unseal_with_key
from tests.lab.bundles import SERIAL

pytestmark = pytest.mark.feature("bundle trial")


def test_the_keys_are_made_once_and_are_their_owners_alone(tmp_path: Path) -> None:
    first = open_identity(tmp_path, SERIAL)
    again = open_identity(tmp_path, SERIAL)
    assert first.describe("1.0").public_key == again.describe("1.0").public_key
    assert [path.name for path in sorted((tmp_path / "identity").iterdir())] == ["broker.key", "sealing.key"]
    for path in (tmp_path / "identity").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"PRIVATE KEY" in path.read_bytes()


def test_what_is_sealed_to_what_an_installer_sees_opens_here(tmp_path: Path) -> None:
    identity = open_identity(tmp_path, SERIAL)
    told = identity.describe("1.0")
    assert (told.serial, told.firmware) == (SERIAL, "1.0")
    sealed = seal_to_device({"sip-password": "secret"}, told.public_bytes, serial=SERIAL)
    assert unseal_with_key(sealed, identity.sealing_key, serial=SERIAL) == {"sip-password": "secret"}


def test_a_key_that_was_not_finished_is_made_anew_and_the_other_stays(tmp_path: Path) -> None:
    before = open_identity(tmp_path, SERIAL)
    (tmp_path / "identity" / "sealing.key").unlink()
    (tmp_path / "identity" / ".sealing.key.new").write_bytes(b"half")
    after = open_identity(tmp_path, SERIAL)
    assert after.broker_key.private_numbers() == before.broker_key.private_numbers()
    assert not (tmp_path / "identity" / ".sealing.key.new").exists()


@pytest.mark.parametrize("content", [b"", b"no key"])
def test_a_damaged_key_is_not_replaced_in_silence(tmp_path: Path, content: bytes) -> None:
    open_identity(tmp_path, SERIAL)
    (tmp_path / "identity" / "sealing.key").write_bytes(content)
    with pytest.raises(BundleError, match="damaged"):
        open_identity(tmp_path, SERIAL)
    assert (tmp_path / "identity" / "sealing.key").read_bytes() == content


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    open_identity(tmp_path, SERIAL)
    (tmp_path / "identity" / "broker.key").chmod(0o640)
    with pytest.raises(BundleError, match="can be read by others"):
        open_identity(tmp_path, SERIAL)


def test_the_identity_has_no_private_half_in_it(tmp_path: Path) -> None:
    identity = open_identity(tmp_path, SERIAL)
    told = identity.describe("1.0").as_json()
    assert "PRIVATE" not in told
    assert "PRIVATE" not in repr(identity)
    assert "X25519PrivateKey" not in repr(identity)
