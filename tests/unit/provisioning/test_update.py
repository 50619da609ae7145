import base64
from typing import Any

import pytest

from contract.downlink import MAX_DOCUMENT_BYTES
from contract.results import OutcomeCode
from provisioning.documents import read_content
from provisioning.release_keys import MAX_BYTES as MOST_KEYS_BYTES
from provisioning.signed import MAX_BYTES, DocumentRefusedError, verify
from provisioning.trust import Kind
from provisioning.update import UpdateContent
from tests.lab.releases import AMD64, ARM64, Releaser, update_content

RELEASER = Releaser()


def read(content: dict[str, Any]) -> UpdateContent:
    document = RELEASER.update(4, content=content)
    return read_content(verify(document, Kind.UPDATE, [RELEASER.trusted]), UpdateContent)


def with_bundle(**changes: Any) -> dict[str, Any]:
    content = update_content()
    content["bundles"][0] |= changes
    return content


def test_one_document_announces_a_release_to_each_hardware() -> None:
    said = read(update_content())
    assert (said.version, said.kind) == ("0.3.0", "security")
    assert said.bundle_for(ARM64).manifest_sha256 == "a" * 64
    assert said.bundle_for(AMD64).address.endswith("amd64.raucb")
    with pytest.raises(DocumentRefusedError, match="no file for wecall-handset-riscv64") as caught:
        said.bundle_for("wecall-handset-riscv64")
    assert caught.value.refusal is OutcomeCode.NOT_FOR_THIS


@pytest.mark.parametrize(
    "address",
    [
        "https://updates.example/a.raucb",
        "https://updates.example:8443/r/0.3.0/a%20b.raucb",
        "https://192.0.2.7/a.raucb",
        "https://[2001:db8::7]:8443/a.raucb",
    ],
)
def test_an_address_names_a_file_at_a_server(address: str) -> None:
    assert read(with_bundle(address=address)).bundles[0].address == address


def test_an_address_that_says_more_or_less_is_refused(subtests: pytest.Subtests) -> None:
    for address in [
        "http://updates.example/a.raucb",
        "https://user@updates.example/a.raucb",
        "https://user:word@updates.example/a.raucb",
        "https://updates.example/a.raucb?phone=7",
        "https://updates.example/a.raucb#7",
        "https://updates.example",
        "https://updates.example/",
        "https:///a.raucb",
        "https://updates.example:0/a.raucb",
        "https://updates.example/../a.raucb",
        "https://updates.example/a b.raucb",
        "https://updates.example/a\n.raucb",
        "https://updates.example/a.raucb\r\nCookie: a",
        "https://updates.example\\a.raucb",
        "file:///etc/shadow",
        "https://updates.example/" + "a" * 500,
        "",
    ]:
        with subtests.test(address=address):
            refused(with_bundle(address=address))


@pytest.mark.parametrize("version", ["0.3", "0.3.0", "1.0rc1", "12.0.1", "0.3.0.dev4"])
def test_a_version_is_one_of_python(version: str) -> None:
    assert read(update_content(version)).version == version


def test_what_is_not_understood_whole_is_refused_whole(subtests: pytest.Subtests) -> None:
    for content in [
        *map(update_content, ("", "v0.3.0", "0.03", "1!2.0", "0.3.0+mine", "1.0-rc1", "../0.3", "1" * 33)),
        update_content(kind="urgent"),
        update_content(not_before="2026-03-01T00:00:00"),
        update_content(bundles=[]),
        update_content(bundles=[*update_content()["bundles"], update_content()["bundles"][0]]),
        update_content(authority="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        update_content(release_keys="not base64"),
        update_content(another="field"),
        with_bundle(compatible="../etc"),
        with_bundle(size_bytes=0),
        with_bundle(size_bytes=True),
        with_bundle(manifest_sha256="A" * 64),
        with_bundle(manifest_sha256="a" * 63),
        with_bundle(proof="\x00"),
        with_bundle(proof="a" * 8193),
        with_bundle(another="field"),
        {key: value for key, value in update_content().items() if key != "version"},
    ]:
        with subtests.test(content=content):
            refused(content)


def test_the_fullest_document_goes_through_the_broker() -> None:
    bundles = [bundle | {"proof": "p" * 8192} for bundle in update_content()["bundles"]]
    keys = base64.b64encode(bytes(MOST_KEYS_BYTES)).decode()
    document = RELEASER.update(1, content=update_content(bundles=bundles, release_keys=keys))
    assert len(document) < MAX_BYTES[Kind.UPDATE] == MAX_DOCUMENT_BYTES


def refused(content: dict[str, Any]) -> None:
    with pytest.raises(DocumentRefusedError) as caught:
        read(content)
    assert caught.value.refusal is OutcomeCode.UNREADABLE
