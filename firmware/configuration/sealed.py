"""A bundle's passwords as the handset keeps them: sealed to its own key, whatever they were sealed to on their way.

They are read before the handset registers, so no more is loaded here than that takes.
"""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from firmware.base.errors import BundleError
from firmware.configuration.config_store import SEALING_KEY, SECRETS_NAME
from provisioning.errors import ProvisioningError
from provisioning.sealing import seal_to_device, unseal_with_key


def seal_to_self(secrets: dict[str, str], key: X25519PrivateKey, serial: str) -> bytes:
    """Seal passwords for this handset to keep."""
    return seal_to_device(secrets, key.public_key().public_bytes_raw(), serial=serial)


def read_own(folder: Path, provisioning: Path, serial: str) -> dict[str, str]:
    """Return the passwords that lie in a configuration's folder; none where there are none.

    Raises:
        BundleError: they cannot be opened: the keys of this handset are others now, or something is damaged.
    """
    try:
        blob = (folder / SECRETS_NAME).read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BundleError(f"The passwords in {folder} cannot be read: {error.strerror}.") from error
    try:
        return unseal_with_key(blob, _own_key(provisioning / SEALING_KEY), serial=serial)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm, ProvisioningError) as error:
        raise BundleError(
            f"The passwords in {folder} do not open with this handset's key. Seal them to its new identity, in a "
            "bundle with a higher number."
        ) from error


def _own_key(path: Path) -> X25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, X25519PrivateKey):
        raise TypeError(f"{path} is of the wrong kind")
    return key
