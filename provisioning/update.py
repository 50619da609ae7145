"""What the operator's document about an update says: what the release is called, where its files lie, what they are.

It travels in the envelope of `provisioning.signed` as Kind.UPDATE. The files are RAUC's bundles, one for each kind of
hardware, and signed by a certificate of `provisioning.release_keys`: whoever announces releases cannot make one, and
whoever makes them cannot have phones install one.
"""

import re
from typing import Annotated, Final, Literal

from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from contract.results import OutcomeCode
from provisioning.section import Section
from provisioning.signed import DocumentRefusedError

_MOST_PROOF_BYTES: Final = 8 * 1024
_MOST_AUTHORITY_BYTES: Final = 8 * 1024
_MOST_KEYS_LETTERS: Final = 24 * 1024

# Host, port and path alone (RFC 3986 sections 3.2.2 and 3.3): a user or a query would tell phones apart.
_ADDRESS: Final = re.compile(
    r"https://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:[1-9][0-9]{0,4})?"
    r"(/[A-Za-z0-9\-._~!$&'()*+,;=:@%]+)+"
)


def _https(address: str) -> str:
    if not _ADDRESS.fullmatch(address) or {".", ".."} & set(address.split("/")):
        raise ValueError("an update's address begins with https://, names a file, and has no user, query or fragment")
    return address


def _version(text: str) -> str:
    try:
        version = Version(text)
    except InvalidVersion:
        version = None
    if version is None or str(version) != text or version.epoch or version.local:
        raise ValueError("a release is called as 0.3.0 or 1.0rc1 is")
    return text


def _authority(pem: str) -> str:
    if not pem:
        return pem
    from cryptography import x509  # noqa: PLC0415 - a megabyte, for what few updates have

    try:
        x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise ValueError("an authority is one or more certificates in PEM") from None
    return pem


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ReleaseVersion = Annotated[str, Field(min_length=1, max_length=32), AfterValidator(_version)]
"""A version in the shortest form that PEP 440 has for it, so that two texts are never one version."""

Compatible = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$", examples=["wecall-handset-arm64"])]
"""What RAUC calls the hardware: `compatible` of a bundle's manifest and of the phone's own system.conf."""


class UpdateBundle(Section):
    """The file for one kind of hardware.

    Attributes:
        compatible: the hardware.
        address: where it lies.
        size_bytes: of the whole file.
        manifest_sha256: RAUC's hash of the manifest in it, which names the hash of everything else.
        proof: shows that a transparency log has it, as Sigsum writes it.
    """

    compatible: Compatible
    address: Annotated[str, Field(max_length=500), AfterValidator(_https)]
    size_bytes: Annotated[int, Field(strict=True, ge=1, lt=2**40)]
    manifest_sha256: Sha256
    proof: Annotated[str, Field(max_length=_MOST_PROOF_BYTES, pattern=r"^[\n\x20-\x7e]*$")] = ""


class UpdateContent(Section):
    """One release.

    Attributes:
        version: what it is called.
        kind: whether it mends something that endangers holders; they may postpone such a one for less long.
        not_before: no phone installs it before.
        bundles: its files, one for each kind of hardware.
        authority: who signs the certificates of the server where they lie, in PEM; empty for whom the system trusts.
        release_keys: the newest list of `provisioning.release_keys`, in base64; empty where phones have it.
    """

    version: ReleaseVersion
    kind: Literal["security", "feature"]
    not_before: AwareDatetime
    bundles: Annotated[tuple[UpdateBundle, ...], Field(min_length=1, max_length=4)]
    authority: Annotated[str, Field(max_length=_MOST_AUTHORITY_BYTES), AfterValidator(_authority)] = ""
    release_keys: Annotated[str, Field(max_length=_MOST_KEYS_LETTERS, pattern=r"^[A-Za-z0-9+/]*={0,2}$")] = ""

    @model_validator(mode="after")
    def _hardware_stands_once(self) -> "UpdateContent":
        if len({bundle.compatible for bundle in self.bundles}) < len(self.bundles):
            raise ValueError("the same hardware has more than one file; give each one")
        return self

    def bundle_for(self, compatible: str) -> UpdateBundle:
        """Return the file for this hardware.

        Raises:
            DocumentRefusedError: the release has none.
        """
        for bundle in self.bundles:
            if bundle.compatible == compatible:
                return bundle
        raise DocumentRefusedError(
            OutcomeCode.NOT_FOR_THIS,
            f"Release {self.version} has no file for {compatible}. Announce it anew, with one for this hardware.",
        )
