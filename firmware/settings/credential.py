"""What the broker knows a handset by, read from the files that the configuration names."""

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from firmware.base.errors import ControlError
from provisioning.broker import Sync

_log = logging.getLogger(__name__)


class Credential(BaseModel):
    """What was in those files, as PEM; the next configuration may come with others.

    Attributes:
        ca: who signs the broker's certificate; the system's authorities where None.
        certificate, key: the handset's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ca: str | None = Field(default=None, repr=False)
    certificate: str | None = Field(default=None, repr=False)
    key: str | None = Field(default=None, repr=False)


def read_credential(sync: Sync) -> Credential:
    """Read all of it.

    Raises:
        ControlError: a certificate or key named there cannot be read.
    """
    return Credential(ca=_pem(sync.ca), certificate=_pem(sync.certificate), key=_pem(sync.key))


def kept_credential(sync: Sync) -> Credential | None:
    """Read all of it to keep it; None where something of it cannot be read now, and then it may be later."""
    try:
        return read_credential(sync)
    except ControlError as error:
        _log.warning("The broker's credential cannot be kept: %s", error)
        return None


def _pem(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError(f"{path}, named in [sync], cannot be read: {error}.") from error
