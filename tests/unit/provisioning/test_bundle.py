import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.results import OutcomeCode
from provisioning import bundle as bundle_module
from provisioning.bundle import (
    MAX_BUNDLE_BYTES,
    Bundle,
    key_words,
    open_bundle,
    size_limit,
    write_bundle,
)
from provisioning.errors import BundleRefusedError
from provisioning.trust import Kind, TrustedKey
from tests.lab.bundles import HEADER_BYTES, MAGIC, Installer, manifest

INSTALLER = Installer()
STRANGER = Installer(bytes(32), Kind.POLICY, Kind.FIRMWARE)
KEYS = (INSTALLER.trusted, STRANGER.trusted)
CONTENTS = {"config.toml": b"version = 1\n", "sealed/code": b"sealed"}
SMALL = INSTALLER.bundle(CONTENTS)

NEEDS_NO_PARSING = {OutcomeCode.UNREADABLE, OutcomeCode.UNKNOWN_KEY, OutcomeCode.FORGED}


def opened(document: bytes, keys: tuple[TrustedKey, ...] | None = KEYS) -> Bundle:
    return open_bundle(io.BytesIO(document), keys)


def refusal(document: bytes, keys: tuple[TrustedKey, ...] | None = KEYS) -> OutcomeCode:
    with pytest.raises(BundleRefusedError) as caught:
        opened(document, keys)
    assert str(caught.value).endswith(".")
    return caught.value.refusal


@pytest.fixture
def nothing_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make whatever would look into the zip an error that is no refusal."""

    def look(*_: Any, **__: Any) -> None:
        raise AssertionError("something of the zip was looked at")

    monkeypatch.setattr(bundle_module, "Archive", look)
    monkeypatch.setattr(bundle_module, "read_manifest", look)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    large = tmp_path / "tone.wav"
    large.write_bytes(b"RIFF" * 300_000)
    more: dict[str, bytes | Path] = {
        "ring_tones/bell.wav": large,
        "pictures/a.png": bytes(100_000),
        "contacts.vcf": b"",
    }
    contents = {**CONTENTS, **more}
    bundle = opened(INSTALLER.bundle(contents, note="for the office"))
    assert bundle.manifest == manifest(note="for the office")
    assert bundle.signer == INSTALLER.public
    assert set(bundle.names) == {"manifest.json", *contents}
    assert bundle.within("pictures") == ("pictures/a.png",)
    extracted = io.BytesIO()
    bundle.extract("ring_tones/bell.wav", extracted)
    assert extracted.getvalue() == large.read_bytes()
    assert bundle.sizes["ring_tones/bell.wav"] == len(extracted.getvalue())
    for name in ("config.toml", "sealed/code", "pictures/a.png", "contacts.vcf"):
        assert bundle.read(name) == contents[name]
    with pytest.raises(KeyError):
        bundle.read("firmware/none.whl")


def test_the_same_contents_make_the_same_bundle() -> None:
    assert INSTALLER.bundle(dict(reversed(CONTENTS.items()))) == SMALL


def test_a_bundle_is_known_again_by_the_digest_of_the_whole_file() -> None:
    assert opened(SMALL).digest == hashlib.sha256(SMALL).hexdigest()


def test_the_signature_is_over_label_magic_key_and_the_digest_of_the_zip() -> None:
    assert INSTALLER.sign(SMALL[HEADER_BYTES:]) == SMALL
    label = b"WeCall Handset, bundle, 1\0"
    signed = label + SMALL[:40] + hashlib.sha512(SMALL[HEADER_BYTES:]).digest()
    INSTALLER.key.public_key().verify(SMALL[40:HEADER_BYTES], signed)


@pytest.mark.usefixtures("nothing_is_parsed")
def test_with_any_bit_changed_it_is_refused_before_anything_is_parsed() -> None:
    for position in range(len(SMALL)):
        for bit in range(8):
            changed = bytearray(SMALL)
            changed[position] ^= 1 << bit
            assert refusal(bytes(changed)) in NEEDS_NO_PARSING
            assert refusal(bytes(changed), None) in NEEDS_NO_PARSING


@pytest.mark.usefixtures("nothing_is_parsed")
def test_cut_at_any_length_it_is_refused_before_anything_is_parsed() -> None:
    for length in range(len(SMALL)):
        assert refusal(SMALL[:length]) in {OutcomeCode.UNREADABLE, OutcomeCode.FORGED}
        assert refusal(SMALL[:length], None) in {OutcomeCode.UNREADABLE, OutcomeCode.FORGED}


@pytest.mark.usefixtures("nothing_is_parsed")
def test_the_test_of_that_would_notice_parsing() -> None:
    with pytest.raises(AssertionError, match="looked at"):
        opened(SMALL)


@given(st.binary(max_size=400))
def test_what_anybody_may_bring_is_refused(noise: bytes) -> None:
    for document in (noise, SMALL + noise if noise else b"", MAGIC + noise, SMALL[:40] + noise):
        assert refusal(document, None) in {OutcomeCode.UNREADABLE, OutcomeCode.FORGED}


@given(st.binary(max_size=400))
def test_whatever_is_signed_is_read_or_refused(noise: bytes) -> None:
    assert refusal(INSTALLER.sign(noise)) is OutcomeCode.UNREADABLE


@pytest.mark.parametrize("bit", range(8))
def test_a_signature_makes_nobody_believe_a_damaged_zip(bit: int) -> None:
    whole = {name: opened(SMALL).read(name) for name in opened(SMALL).names}
    taken = 0
    for position in range(HEADER_BYTES, len(SMALL)):
        changed = bytearray(SMALL)
        changed[position] ^= 1 << bit
        try:
            bundle = opened(INSTALLER.sign(bytes(changed[HEADER_BYTES:])))
            read = {name: bundle.read(name) for name in bundle.names}
        except BundleRefusedError:
            continue
        assert read == whole
        taken += 1
    # Nothing reads the version of what made each entry, nor the bits that fill up its stream's last byte.
    assert taken <= 2 * len(whole)


def test_a_key_signs_only_what_it_is_pinned_for() -> None:
    assert refusal(STRANGER.bundle(CONTENTS)) is OutcomeCode.UNKNOWN_KEY
    assert refusal(SMALL, ()) is OutcomeCode.UNKNOWN_KEY
    assert opened(STRANGER.bundle(CONTENTS), None).signer == STRANGER.public


@pytest.mark.feature("firmware by bundle")
def test_firmware_in_a_bundle_is_refused_by_whoever_would_take_it_and_goes_into_none() -> None:
    old = opened(INSTALLER.bundle_with_firmware(CONTENTS))
    assert (old.manifest.format, opened(SMALL).manifest.format) == (2, 1)
    with pytest.raises(BundleRefusedError) as taken:
        old.check_firmware()
    with pytest.raises(BundleRefusedError) as written:
        INSTALLER.bundle(CONTENTS | {"firmware/wecall_handset-9.9-py3-none-any.whl": b"PK"})
    for caught in (taken, written):
        assert caught.value.refusal is OutcomeCode.FIRMWARE_SUPERSEDED
        assert ".raucb" in str(caught.value)
        assert "apt" in str(caught.value)
    opened(SMALL).check_firmware()


def test_a_signer_must_be_trusted_with_bundles_by_those_that_are_named_later_too() -> None:
    # A first bundle, whose signer nobody knows yet, is asked about once its own configuration is known.
    first = opened(SMALL, None)
    first.check_signer((INSTALLER.trusted,))
    with pytest.raises(BundleRefusedError) as caught:
        first.check_signer((STRANGER.trusted,))
    assert caught.value.refusal is OutcomeCode.UNKNOWN_KEY


class Endless(io.BytesIO):
    """A file that says it is very long, as a broken file system may."""

    def seek(self, offset: int, whence: int = 0) -> int:
        return MAX_BUNDLE_BYTES + 1 if whence else super().seek(offset)

    def read(self, size: int | None = -1) -> bytes:
        raise AssertionError("not even its beginning is read")


def test_a_file_that_is_too_large_is_not_even_hashed() -> None:
    with pytest.raises(BundleRefusedError) as caught:
        open_bundle(Endless(SMALL), KEYS)
    assert caught.value.refusal is OutcomeCode.TOO_LARGE


def test_nothing_else_goes_into_a_bundle(subtests: pytest.Subtests) -> None:
    for name in [
        "manifest.json",
        "other.toml",
        "config.toml/",
        "../config.toml",
        "/config.toml",
        "certificates/../../etc/passwd.pem",
        "certificates/.pem",
        "certificates/a.pem\n",
        "certificates/sub/a.pem",
        "certificates\\a.pem",
        "sealed/",
        "sealed/1234567",
        "sealed/10000000ABCD1234",
        "pictures/\uff21.png",
        "pictures/" + "a" * 70 + ".png",
        "firmware/a.tar.gz",
    ]:
        with subtests.test(name=name):
            with pytest.raises(BundleRefusedError, match="may be called"):
                write_bundle({name: b""}, manifest(), INSTALLER.key, io.BytesIO())
            assert size_limit(name) is None or name == "manifest.json"


@pytest.mark.parametrize(
    "name",
    [
        "config.toml",
        "contacts.vcf",
        "certificates/operator-ca.pem",
        "policies/2026-11-25",
        "notices/maintenance.signed",
        "pictures/IMG_0001.jpg",
        "ring_tones/bell.wav",
        "sealed/10000000abcd1234",
        "sealed/code",
    ],
)
def test_everything_that_a_bundle_may_have_goes_into_it(name: str) -> None:
    assert opened(INSTALLER.bundle({name: b"x"})).read(name) == b"x"


def test_what_a_handset_would_not_take_is_not_written() -> None:
    with pytest.raises(BundleRefusedError) as caught:
        INSTALLER.bundle({"config.toml": bytes(256 * 1024 + 1)})
    assert caught.value.refusal is OutcomeCode.TOO_LARGE
    assert "262144" in str(caught.value)


def test_a_file_that_grows_while_it_is_packed_is_not_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = tmp_path / "config.toml"
    large.write_bytes(bytes(256 * 1024 + 1))
    monkeypatch.setattr(bundle_module, "_check_content", lambda *_: None)
    target = io.BytesIO()
    with pytest.raises(BundleRefusedError):
        write_bundle({"config.toml": large}, manifest(), INSTALLER.key, target)
    assert not target.getvalue()


def test_a_key_has_six_words_that_no_other_key_has() -> None:
    words = key_words(INSTALLER.public)
    assert len(words) == 6
    # People write them down and compare them over years: they never change.
    assert words == ("armor", "zebra", "prize", "price", "purchase", "pencil")
    assert len({key_words(number.to_bytes(32, "big")) for number in range(500)}) == 500
