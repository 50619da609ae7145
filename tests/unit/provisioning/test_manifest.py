import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.results import OutcomeCode
from provisioning.errors import BundleRefusedError
from provisioning.manifest import MANIFEST_FORMAT, Manifest, manifest_text, read_manifest
from tests.lab.bundles import ISSUED, SERIAL, manifest


def refusal(text: bytes) -> OutcomeCode:
    with pytest.raises(BundleRefusedError) as caught:
        read_manifest(text)
    return caught.value.refusal


def changed(**changes: object) -> bytes:
    return json.dumps(json.loads(manifest_text(manifest())) | changes).encode()


def test_what_was_written_is_read_back() -> None:
    written = manifest(serials=(SERIAL, "lab-handset-2"), note="二楼 reception")
    assert read_manifest(manifest_text(written)) == written


def test_a_manifest_of_the_first_format_is_read_for_ever() -> None:
    # As the first release wrote it; this text is never changed.
    text = b"""{
      "fleet": "shop", "format": 1, "issued_at": "2026-11-25T12:00:00Z", "not_after": "2027-02-23T12:00:00Z",
      "note": "", "number": 7, "serials": ["10000000abcd1234"]
    }"""
    assert read_manifest(text) == manifest(serials=(SERIAL,))


def test_a_newer_format_is_told_from_damage() -> None:
    assert refusal(changed(format=MANIFEST_FORMAT + 1, something="new")) is OutcomeCode.UNSUPPORTED
    for wrong in (0, -1, "1", 1.5, None):
        assert refusal(changed(format=wrong)) is OutcomeCode.UNREADABLE


@pytest.mark.parametrize(
    "change",
    [
        {"serial": [SERIAL]},
        {"number": 0},
        {"number": 2**53},
        {"fleet": "Shop"},
        {"serials": ["short"]},
        {"serials": ["../../../etc"]},
        {"serials": [SERIAL.upper()]},
        {"serials": [SERIAL] * 1001},
        {"issued_at": "2026-11-25T12:00:00"},
        {"note": "two\nlines"},
        {"not_after": "2026-11-25T12:00:00Z"},
    ],
    ids=str,
)
def test_what_no_manifest_says_is_a_mistake_and_named(change: dict[str, object]) -> None:
    with pytest.raises(BundleRefusedError) as caught:
        read_manifest(changed(**change))
    assert caught.value.refusal is OutcomeCode.UNREADABLE
    assert caught.value.mistakes


@given(st.binary(max_size=300))
def test_what_anybody_may_sign_is_refused(noise: bytes) -> None:
    assert refusal(noise) is OutcomeCode.UNREADABLE


def test_a_manifest_nested_deep_is_refused() -> None:
    assert refusal(b'{"format": 1, "note": ' + b"[" * 30_000) is OutcomeCode.UNREADABLE


def test_a_bundle_is_for_its_fleet_and_its_serials_only() -> None:
    manifest().check_scope(SERIAL, "shop")
    manifest(serials=("other-serial", SERIAL)).check_scope(SERIAL, None)
    for made, serial, fleet, expected in (
        (manifest(), SERIAL, "office", OutcomeCode.WRONG_FLEET),
        (manifest(serials=("other-serial",)), SERIAL, "shop", OutcomeCode.WRONG_SERIAL),
        (manifest(serials=("other-serial",)), SERIAL, None, OutcomeCode.WRONG_SERIAL),
        (manifest(serials=(SERIAL,)), SERIAL[:-1], "shop", OutcomeCode.WRONG_SERIAL),
    ):
        with pytest.raises(BundleRefusedError) as caught:
            made.check_scope(serial, fleet)
        assert caught.value.refusal is expected


@pytest.mark.parametrize(
    ("days", "synced", "expected"),
    [
        (1, True, None),
        (-1, True, OutcomeCode.NOT_YET_VALID),
        # A clock that woke up in the past says nothing about the future.
        (-5000, False, None),
        (91, True, OutcomeCode.EXPIRED),
        (91, False, OutcomeCode.EXPIRED),
    ],
)
def test_a_bundle_is_taken_in_its_time_only(days: int, synced: bool, expected: OutcomeCode | None) -> None:
    now_s = (ISSUED + timedelta(days=days)).timestamp()
    if expected is None:
        manifest().check_time(now_s, synced=synced)
        return
    with pytest.raises(BundleRefusedError) as caught:
        manifest().check_time(now_s, synced=synced)
    assert caught.value.refusal is expected


@pytest.mark.parametrize(
    ("newest", "reverted", "expected"),
    [
        (0, (), None),
        (6, (9,), None),
        (7, (), OutcomeCode.OLD),
        (8, (), OutcomeCode.OLD),
        (6, (7,), OutcomeCode.REVERTED_BEFORE),
        (8, (7,), OutcomeCode.REVERTED_BEFORE),
    ],
)
def test_numbers_only_rise(newest: int, reverted: tuple[int, ...], expected: OutcomeCode | None) -> None:
    if expected is None:
        manifest(7).check_number(newest, reverted)
        return
    with pytest.raises(BundleRefusedError) as caught:
        manifest(7).check_number(newest, reverted)
    assert caught.value.refusal is expected


def test_a_manifest_ends_after_it_begins() -> None:
    with pytest.raises(ValueError, match="later than issued_at"):
        Manifest(number=1, fleet="shop", issued_at=ISSUED, not_after=ISSUED)
