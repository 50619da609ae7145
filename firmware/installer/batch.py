"""Makes the bundles of a site: one for each handset, whole or not at all, and none that is there already."""

import hashlib
import hmac
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.base.durable import replace_durably
from firmware.installer.bundle_folder import CONFIGURATION
from firmware.installer.configuration_text import change_text
from firmware.installer.mass_record import CODE_IS_SEALED, Made, MassRecord
from firmware.installer.sealed_secrets import TableKey
from firmware.installer.signing import BUNDLE_SUFFIX, new_manifest
from firmware.installer.site import BROKER_CERTIFICATE, Handset
from provisioning.bundle import write_bundle
from provisioning.identity import Identity
from provisioning.sealing import SEALED_TO_CODE, seal_to_code, seal_to_device

_INPUTS_LABEL: Final = b"WeCall Handset, inputs of a bundle, 1\0"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a handset's bundle.

    Attributes:
        handset: whose.
        code: what its secrets are sealed to; "" for none. A handset asks for it where what it opens is new to it.
        was_there: nothing had to be done.
    """

    handset: Handset
    code: str
    was_there: bool


@dataclass(frozen=True)
class Batch:
    """The bundles of one table on one stick.

    Attributes:
        text: the folder's configuration.
        contents: the folder's other files.
        identities: by serial, of the handsets that secrets are sealed to; for others it is a code.
        certificates: by serial, the handset's own for the broker.
        key: of the signer.
        table_key: what follows from it, for what is not signed.
        codes: by serial, of the handsets whose secrets are sealed to one.
        number: of those that are new.
        days: for so long handsets take them.
        note: a line for people.
        now: when they are signed.
        anew: whether those are made once more that are there.
        record: of what was made before.
        stick: where to.
    """

    text: str = field(repr=False)
    contents: Mapping[str, Path]
    identities: Mapping[str, Identity]
    certificates: Mapping[str, bytes]
    key: Ed25519PrivateKey
    table_key: TableKey
    codes: Mapping[str, str] = field(repr=False)
    number: int
    days: int
    note: str
    now: datetime
    anew: bool
    record: MassRecord
    stick: Path

    def run(self, handsets: Sequence[Handset]) -> Iterator[Done]:
        """Make what is missing, in the order of the table; what is done stays done wherever this ends.

        Raises:
            ProvisioningError: something is not what a handset takes.
            OSError: the stick or the disk is full, read-only or broken.
        """
        for handset in handsets:
            made, content = self._make(handset)
            if content is not None:
                self.record.add(made)
                replace_durably(self._path(handset), content)
            yield Done(handset, self.codes.get(handset.serial, ""), was_there=content is None)

    def _make(self, handset: Handset) -> tuple[Made, bytes | None]:
        serial = handset.serial
        inputs = self._digest_of_inputs(handset)
        before = None if self.anew else self.record.latest(serial)
        holds = before is not None and before.inputs == inputs and self.now < before.until
        same = before if holds else None
        if same is not None and self._is_there(handset, same):
            return same, None
        identity = self.identities.get(serial)
        sealed: dict[str, bytes] = {}
        if serial in self.codes:
            # In the same bytes as before where they are the same, so that nobody has to type the code again.
            sealed[SEALED_TO_CODE] = seal_to_code(handset.secrets, self.codes[serial], repeat_key=self.table_key.repeat)
        elif handset.secrets and identity is not None:
            sealed[f"sealed/{serial}"] = seal_to_device(handset.secrets, identity.public_bytes, serial=serial)
        text = change_text(self.text, handset.settings, without=handset.in_clear)
        contents: dict[str, bytes | Path] = {**self.contents, CONFIGURATION: text.encode(), **sealed}
        if serial in self.certificates:
            contents[BROKER_CERTIFICATE] = self.certificates[serial]
        manifest = new_manifest(
            handset.configuration.device.fleet, same.number if same else self.number, (serial,), days=self.days,
            note=self.note, now=self.now,
        )  # fmt: skip
        target = io.BytesIO()
        write_bundle(contents, manifest, self.key, target)
        content = target.getvalue()
        made = Made(
            serial=serial,
            inputs=inputs,
            number=manifest.number,
            code=CODE_IS_SEALED if serial in self.codes else "",
            digest=hashlib.sha256(content).hexdigest(),
            until=manifest.not_after,
        )
        return made, content

    @cached_property
    def _digest_of_common(self) -> bytes:
        signer = self.key.public_key().public_bytes_raw()
        digest = hashlib.sha256(signer + repr((self.days, self.note)).encode())
        for name, path in sorted(self.contents.items()):
            with path.open("rb") as file:
                digest.update(name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
        return digest.digest()

    def _digest_of_inputs(self, handset: Handset) -> str:
        identity = self.identities.get(handset.serial)
        parts = (
            self._digest_of_common,
            self.text.encode(),
            # In whatever order: a password is sealed after the first run, and stands in no column then.
            repr(sorted(handset.settings, key=repr)).encode(),
            repr(sorted(handset.secrets.items())).encode(),
            identity.public_bytes if identity else b"",
            self.certificates.get(handset.serial, b""),
            self.codes.get(handset.serial, "").encode(),
        )
        whole = b"".join(hashlib.sha256(part).digest() for part in parts)
        return hmac.digest(self.table_key.repeat, _INPUTS_LABEL + whole, "sha256").hex()

    def _is_there(self, handset: Handset, made: Made) -> bool:
        try:
            with self._path(handset).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == made.digest
        except FileNotFoundError:
            return False

    def _path(self, handset: Handset) -> Path:
        return self.stick / f"{handset.serial}{BUNDLE_SUFFIX}"
