"""Zips that mean harm, each signed by a key that the handset trusts: a signer's computer may be somebody else's."""

import hashlib
import io
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.results import OutcomeCode
from provisioning.archive import MAX_ENTRIES, MAX_TOTAL_BYTES
from provisioning.bundle import Bundle, open_bundle, size_limit
from provisioning.errors import BundleRefusedError
from tests.lab.bundles import HEADER_BYTES, ForgedEntry, Installer, forged_zip, manifest_entry

INSTALLER = Installer()
MEGABYTE = 1 << 20
MOST_GROWTH_BYTES = 2 * MEGABYTE
CONFIG = ForgedEntry(name=b"config.toml", content=b"version = 1\n")
PLAIN = forged_zip([manifest_entry(), CONFIG])


def opened(zipped: bytes) -> Bundle:
    return open_bundle(io.BytesIO(INSTALLER.sign(zipped)), (INSTALLER.trusted,))


def refusal(zipped: bytes, read: Callable[[Bundle], object] = lambda _: None) -> OutcomeCode:
    document = io.BytesIO(INSTALLER.sign(zipped))
    with pytest.raises(BundleRefusedError) as caught, bounded_memory():
        read(open_bundle(document, (INSTALLER.trusted,)))
    assert str(caught.value).endswith(".")
    return caught.value.refusal


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Count what is allocated meanwhile, the bundle itself aside, which lies in a file on a handset."""
    tracemalloc.start()
    try:
        yield
    finally:
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak_bytes < MOST_GROWTH_BYTES


def everything(bundle: Bundle) -> None:
    """Extract all that is in a bundle, to nowhere."""
    for name in bundle.names:
        bundle.extract(name, io.BufferedRandom(Nowhere()))


class Nowhere(io.RawIOBase):
    """Keeps nothing."""

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


def test_the_plain_one_that_the_others_are_made_from_is_taken() -> None:
    bundle = opened(PLAIN)
    assert bundle.names == ("manifest.json", "config.toml")
    assert bundle.read("config.toml") == CONFIG.content
    assert refusal(PLAIN[:-1]) is OutcomeCode.UNREADABLE


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["config.toml", "contacts.vcf", "certificates/a.pem", "pictures/a.png", "sealed/code"]),
            st.binary(max_size=3000).map(lambda content: content * 40),
        ),
        unique_by=lambda each: each[0],
    )
)
def test_what_is_read_is_what_every_other_reader_of_zips_reads(contents: list[tuple[str, bytes]]) -> None:
    document = INSTALLER.bundle(dict(contents))
    bundle = open_bundle(io.BytesIO(document), (INSTALLER.trusted,))
    with zipfile.ZipFile(io.BytesIO(document[HEADER_BYTES:])) as archive:
        assert archive.testzip() is None
        assert tuple(archive.namelist()) == bundle.names
        assert all(archive.read(name) == bundle.read(name) for name in bundle.names)


# --- names ------------------------------------------------------------------------------------------------------------


def test_a_name_that_no_bundle_has_is_refused(subtests: pytest.Subtests) -> None:
    for name in [
        b"../config.toml",
        b"../../etc/passwd",
        b"/etc/shadow",
        b"certificates/../../x.pem",
        b"certificates/..",
        b"certificates/.hidden.pem",
        b"C:\\config.toml",
        b"certificates\\a.pem",
        b"config.toml\x00.pem",
        b"config.toml ",
        b"CONFIG.TOML",
        b"certificates/",
        b"certificates/a/b.pem",
        b"pictures/\xff\xfe.png",
        "pictures/图.png".encode(),
        b"pictures/\xe2\x80\xae.png",
        b"sealed/../identity",
        b"",
        b"a" * 0xFFFF,
    ]:
        with subtests.test(name=name):
            for method in (0, 8):
                entry = ForgedEntry(name=name, content=b"x", method=method)
                assert refusal(forged_zip([manifest_entry(), entry])) is OutcomeCode.UNREADABLE


@pytest.mark.parametrize("second", [b"config.toml", b"certificates/A.pem"])
def test_a_name_that_is_there_twice_is_refused(second: bytes) -> None:
    entries = [manifest_entry(), CONFIG, ForgedEntry(name=b"certificates/a.pem"), ForgedEntry(name=second)]
    assert refusal(forged_zip(entries)) is OutcomeCode.UNREADABLE


def test_a_local_header_of_another_name_is_refused() -> None:
    entry = replace(CONFIG, local={"name": b"../../a.sh!"})
    assert refusal(forged_zip([manifest_entry(), entry])) is OutcomeCode.UNREADABLE


@given(st.text(max_size=40))
def test_only_names_that_mean_themselves_are_on_the_list(name: str) -> None:
    if size_limit(name) is not None:
        assert name.isascii()
        assert not name.startswith("/")
        assert all(part and not part.startswith(".") for part in name.split("/"))


# --- what is no plain file --------------------------------------------------------------------------------------------


def test_what_is_no_plain_file_is_refused(subtests: pytest.Subtests) -> None:
    all_changes: list[dict[str, Any]] = [
        {"external": 0o120777 << 16},
        {"external": 0o040700 << 16 | 0x10},
        {"external": 0o020666 << 16},
        {"external": 0o010644 << 16},
        {"external": 0o060644 << 16},
        {"external": 0o104755 << 16},
        {"external": 0},
        {"external": 0xFFFFFFFF},
        {"made_by": 20},
        {"made_by": 19 << 8},
        {"flags": 1},
        {"flags": 8},
        {"flags": 0x40},
        {"flags": 0x800},
        {"flags": 0x2000},
        {"method": 1},
        {"method": 9},
        {"method": 12},
        {"method": 14},
        {"method": 93},
        {"method": 99},
        {"extra": b"\x01\x00\x08\x00" + bytes(8)},
        {"extra": bytes(0xFFFF)},
        {"comment": b"c"},
        {"comment": bytes(0xFFFF)},
        {"disk": 1},
        {"internal": 1},
        {"local": {"extra": b"\xff\xff\x04\x00evil"}},
        {"local": {"method": 0}},
        {"local": {"flags": 8}},
        {"local": {"crc": 0}},
        {"local": {"size_bytes": 1}},
        {"local": {"packed_bytes": 1}},
        {"local": {"needed": 45}},
        {"local": {"name": b""}},
    ]
    for changes in all_changes:
        with subtests.test(changes=changes):
            for entries in (
                [manifest_entry(), replace(CONFIG, **changes)],
                [manifest_entry(**changes), CONFIG],
            ):
                assert refusal(forged_zip(entries)) is OutcomeCode.UNREADABLE


# --- how it lies in the file ------------------------------------------------------------------------------------------

MANIFEST_BYTES = len(forged_zip([manifest_entry()]))


def test_what_lies_otherwise_in_the_file_is_refused(subtests: pytest.Subtests) -> None:
    zips = [
        b"",
        forged_zip([]),
        forged_zip([CONFIG]),
        forged_zip([manifest_entry(), CONFIG], before=b"#!/bin/sh\n"),
        forged_zip([manifest_entry(), CONFIG], before=PLAIN),
        forged_zip([manifest_entry(), CONFIG], between=b"gap"),
        forged_zip([manifest_entry(), CONFIG], after=b"\0"),
        forged_zip([manifest_entry(), CONFIG], comment=b"hello"),
        forged_zip([manifest_entry(), CONFIG], comment=PLAIN[-22:]),
        forged_zip([manifest_entry(), CONFIG], count=1),
        forged_zip([manifest_entry(), CONFIG], count=1, here=1),
        forged_zip([manifest_entry(), CONFIG], count=3, here=3),
        forged_zip([manifest_entry(), CONFIG], here=1),
        forged_zip([manifest_entry(), CONFIG], disk=1),
        forged_zip([manifest_entry(), CONFIG], start_disk=1),
        forged_zip([manifest_entry(), CONFIG], directory_at=0),
        forged_zip([manifest_entry(), CONFIG], directory_bytes=0),
        forged_zip([manifest_entry(), replace(CONFIG, offset=0)]),
        forged_zip([manifest_entry(offset=10**9), CONFIG]),
        forged_zip([manifest_entry(), replace(CONFIG, packed_bytes=10**9)]),
        forged_zip([manifest_entry(), replace(CONFIG, packed_bytes=0)]),
        forged_zip([manifest_entry(), replace(CONFIG, packed_bytes=3)]),
        # A locator of Zip64, which other readers believe more than what stands behind it.
        forged_zip([manifest_entry(), replace(CONFIG, comment=b"PK\x06\x07" + bytes(16))]),
        forged_zip([manifest_entry(), CONFIG], between=b"PK\x06\x06" + bytes(52) + b"PK\x06\x07" + bytes(16)),
    ]
    for index, zipped in enumerate(zips):
        with subtests.test(index=index):
            assert refusal(zipped) is OutcomeCode.UNREADABLE


def test_entries_that_share_their_bytes_are_refused() -> None:
    # The quine-like bombs overlap their streams: a few kilobytes of one are the content of thousands.
    kernel = ForgedEntry(name=b"ring_tones/0.wav", content=bytes(MEGABYTE))
    others = [replace(kernel, name=b"ring_tones/%d.wav" % number, packed=b"", offset=0) for number in range(1, 200)]
    assert refusal(forged_zip([kernel, *others, manifest_entry()])) is OutcomeCode.UNREADABLE


# --- sizes ------------------------------------------------------------------------------------------------------------


@cache
def bomb(size_bytes: int) -> bytes:
    """Return a stream of deflate that says so many zeros, piece by piece."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bytearray()
    for _ in range(size_bytes // MEGABYTE):
        packed += deflater.compress(bytes(MEGABYTE))
    return bytes(packed + deflater.flush())


def test_a_bomb_is_refused_whatever_its_headers_say(subtests: pytest.Subtests) -> None:
    for name, said_bytes in product(
        [b"config.toml", b"manifest.json", b"sealed/code", b"firmware/a.whl"], [0, 1, 1000, 16 * 1024, 256 * MEGABYTE]
    ):
        with subtests.test(name=name, said_bytes=said_bytes):
            entries = [ForgedEntry(name=name, packed=bomb(256 * MEGABYTE), size_bytes=said_bytes, crc=0)]
            if name != b"manifest.json":
                entries.insert(0, manifest_entry())
            expected = OutcomeCode.TOO_LARGE if said_bytes > MEGABYTE else OutcomeCode.UNREADABLE
            assert refusal(forged_zip(entries), everything) is expected


def test_what_is_inflated_ends_where_its_header_says() -> None:
    # Of the right beginning, sum and all, but with more behind it.
    content = bytes(10_000)
    for packed in (
        ForgedEntry(name=b"x", content=content + b"more").stream,
        ForgedEntry(name=b"x", content=content).stream + b"\0",
        ForgedEntry(name=b"x", content=content).stream + bytes(200_000),
        ForgedEntry(name=b"x", content=content).stream[:-1],
        b"",
        b"\xff" * 50,
    ):
        entry = replace(CONFIG, content=content, packed=packed)
        assert refusal(forged_zip([manifest_entry(), entry]), everything) is OutcomeCode.UNREADABLE


def test_what_is_stored_is_held_against_its_sum() -> None:
    entry = replace(CONFIG, method=0, crc=zlib.crc32(b"something else"))
    assert refusal(forged_zip([manifest_entry(), entry]), everything) is OutcomeCode.UNREADABLE
    entry = replace(CONFIG, method=0, size_bytes=len(CONFIG.content) + 1)
    assert refusal(forged_zip([manifest_entry(), entry])) is OutcomeCode.UNREADABLE


def test_a_stream_of_many_empty_blocks_takes_no_memory() -> None:
    # Stored blocks of no bytes (RFC 1951 section 3.2.4): much to read, nothing to say.
    packed = b"\x00\x00\x00\xff\xff" * (MEGABYTE // 5) + b"\x01\x00\x00\xff\xff"
    entry = replace(CONFIG, content=b"", packed=packed)
    document = io.BytesIO(INSTALLER.sign(forged_zip([manifest_entry(), entry])))
    with bounded_memory():
        assert open_bundle(document, (INSTALLER.trusted,)).read("config.toml") == b""


def test_more_files_than_a_bundle_has_are_refused_unread() -> None:
    entries = [ForgedEntry(name=b"pictures/%d.png" % number, method=0) for number in range(MAX_ENTRIES)]
    assert len(opened(forged_zip([manifest_entry(), *entries[1:]])).names) == MAX_ENTRIES
    assert refusal(forged_zip([manifest_entry(), *entries])) is OutcomeCode.TOO_LARGE


@pytest.mark.parametrize("count", [0, 1, MAX_ENTRIES, 0xFFFF])
def test_a_giant_directory_is_refused_unread(count: int) -> None:
    giant = 16 * MEGABYTE
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, giant, 0, 0)
    assert refusal(bytes(giant) + end) is OutcomeCode.TOO_LARGE


def test_files_that_are_too_large_together_are_refused_unread() -> None:
    each = 8 * MEGABYTE
    entries = [
        ForgedEntry(name=b"ring_tones/%d.wav" % number, packed=b"", size_bytes=each)
        for number in range(MAX_TOTAL_BYTES // each + 1)
    ]
    assert refusal(forged_zip([manifest_entry(), *entries])) is OutcomeCode.TOO_LARGE


@given(st.binary(min_size=22, max_size=400), st.integers(0, 60))
def test_whatever_stands_in_the_directory_is_read_or_refused(noise: bytes, position: int) -> None:
    directory_at = len(PLAIN) - 22 - 2 * 46 - len("manifest.jsonconfig.toml")
    changed = PLAIN[: directory_at + position] + noise + PLAIN[-22:]
    assert refusal(changed) in {OutcomeCode.UNREADABLE, OutcomeCode.TOO_LARGE}


def test_a_large_file_is_hashed_and_extracted_piece_by_piece() -> None:
    tone = hashlib.shake_128(b"noise").digest(8 * MEGABYTE)
    document = io.BytesIO(INSTALLER.bundle({"ring_tones/bell.wav": tone}))
    with bounded_memory():
        everything(open_bundle(document, (INSTALLER.trusted,)))
