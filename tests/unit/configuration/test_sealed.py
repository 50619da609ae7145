import subprocess
import sys
from pathlib import Path

import pytest

from firmware.base.errors import BundleError
from firmware.configuration.config_store import SECRETS_NAME
from firmware.configuration.sealed import read_own, seal_to_self
from firmware.setup.bundles.identity import open_identity
from tests.lab.bundles import SERIAL

pytestmark = pytest.mark.feature("bundle trial")

SECRETS = {"sip-password": "a-word-that-nobody-else-has"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a configuration's folder, on a card whose handset has its keys."""
    identity = open_identity(tmp_path, SERIAL)
    (tmp_path / SECRETS_NAME).write_bytes(seal_to_self(SECRETS, identity.sealing_key, SERIAL))
    return tmp_path


def test_what_was_kept_opens_with_this_handsets_key(folder: Path) -> None:
    assert read_own(folder, folder, SERIAL) == SECRETS
    assert SECRETS["sip-password"].encode() not in (folder / SECRETS_NAME).read_bytes()


def test_a_configuration_without_passwords_needs_no_key(tmp_path: Path) -> None:
    assert read_own(tmp_path, tmp_path, SERIAL) == {}
    assert not (tmp_path / "identity").exists()


@pytest.mark.parametrize("damage", ["other key", "no key", "broken key", "key of another kind", "other serial", "cut"])
def test_what_does_not_open_is_said_without_a_password_in_it(folder: Path, damage: str) -> None:
    key, blob, serial = folder / "identity" / "sealing.key", folder / SECRETS_NAME, SERIAL
    match damage:
        case "other key":
            key.unlink()
            open_identity(folder, SERIAL)
        case "no key":
            key.unlink()
        case "broken key":
            key.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        case "key of another kind":
            key.write_bytes((folder / "identity" / "broker.key").read_bytes())
        case "other serial":
            serial = "00000000deadbeef"
        case "cut":
            blob.write_bytes(blob.read_bytes()[:-1])
    with pytest.raises(BundleError, match="do not open with this handset's key") as caught:
        read_own(folder, folder, serial)
    assert SECRETS["sip-password"] not in str(caught.value)


def test_no_certificates_are_loaded_for_it() -> None:
    program = "import sys, firmware.configuration.sealed; print('cryptography.x509' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
