"""The handset's own keys as files: what secrets are sealed to, and what it proves itself to the broker with.

Each is made once, on the handset, and never leaves it.
"""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from firmware.base.durable import sync_folder
from firmware.base.errors import BundleError
from firmware.configuration.config_store import BROKER_KEY, SEALING_KEY
from provisioning.errors import ProvisioningError
from provisioning.identity import (
    Identity,
    load_broker_key,
    load_sealing_key,
    new_broker_key,
    new_sealing_key,
    private_pem,
)

_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """The keys of this handset.

    Attributes:
        serial: what the hardware calls itself.
        sealing_key: opens what is sealed to this handset.
        broker_key: what the broker's certificate is for.
        broker_key_path: its PEM file.
    """

    serial: str
    sealing_key: X25519PrivateKey = field(repr=False)
    broker_key: EllipticCurvePrivateKey = field(repr=False)
    broker_key_path: Path

    def describe(self, firmware: str) -> Identity:
        """Return what an installer needs to know of this handset; `firmware` is the running version."""
        return Identity.of(self.serial, self.sealing_key, self.broker_key, firmware)


def open_identity(provisioning: Path, serial: str) -> DeviceIdentity:
    """Read the keys in the folder of all that bundles are about, and make those that are not there yet.

    Raises:
        BundleError: they cannot be read or made, are damaged, or others can read them.
    """
    sealing_path, broker_path = provisioning / SEALING_KEY, provisioning / BROKER_KEY
    folder = broker_path.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_once(sealing_path, lambda: private_pem(new_sealing_key()))
        _make_once(broker_path, lambda: private_pem(new_broker_key()))
        sealing_key, broker_key = load_sealing_key(_read(sealing_path)), load_broker_key(_read(broker_path))
    except OSError as error:
        raise BundleError(
            f"The handset's own keys in {folder} cannot be read or written: {error.strerror}. No bundle can be taken."
        ) from error
    except ProvisioningError as error:
        raise BundleError(
            f"The handset's own keys in {folder} are damaged. Delete that folder and restart the handset: it makes "
            "other keys, and the installer then needs its new identity."
        ) from error
    return DeviceIdentity(serial, sealing_key, broker_key, broker_path)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & _OTHERS:
            raise BundleError(
                f"The handset's own key {path} can be read by others (mode {mode:04o}), so it is not used. Delete the "
                f"folder {path.parent} and restart the handset: it makes other keys, and the installer then needs its "
                "new identity."
            )
        return file.read()


def _make_once(path: Path, make: Callable[[], bytes]) -> None:
    """Write a key where there is none, so that a crash leaves the whole of it or nothing."""
    draft = path.with_name(f".{path.name}.new")
    # After a crash the draft may be another name of the key.
    draft.unlink(missing_ok=True)
    if path.exists():
        return
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(make())
        file.flush()
        os.fsync(file.fileno())
    # A link, unlike a rename, never replaces a key that another process made in the meantime.
    with suppress(FileExistsError):
        os.link(draft, path)
    sync_folder(path.parent)
    draft.unlink()
