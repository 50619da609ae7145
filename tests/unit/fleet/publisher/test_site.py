import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import FleetError
from fleet.publications import Publication, PublicationKind
from fleet.publisher.site import Site, read_site
from tests.lab.bundle_desk import configuration_text
from tests.lab.bundles import FLEET, ISSUED, Installer
from tests.unit.provisioning.test_report import report

INSTALLER = Installer()
SERIALS = ("10000000abcd0001", "10000000abcd0002")


def bundle(device: str, *serials: str, number: int = 7, installer: Installer = INSTALLER, **changes: Any) -> bytes:
    configuration = configuration_text(INSTALLER, device=device).encode()
    return installer.bundle({"config.toml": configuration}, number, serials=serials, **changes)


def site_of(folder: Path, files: Mapping[str, bytes], fleet: str | None = FLEET) -> Site:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return read_site(folder, (INSTALLER.trusted,), fleet=fleet, now_s=ISSUED.timestamp())


BOTH = {"a.wecall": bundle("desk-1", SERIALS[0]), "b.WECALL": bundle("desk-2", SERIALS[1], number=8)}


def test_each_handset_gets_the_bundle_whose_configuration_names_it(tmp_path: Path) -> None:
    site = site_of(tmp_path, BOTH | {"._a.wecall": b"of another system", "holiday.jpg": b""})
    assert {device: site.payload_of(device) for device in site.messages} == {
        "desk-1": BOTH["a.wecall"], "desk-2": BOTH["b.WECALL"],
    }  # fmt: skip
    assert (site.fleet, site.name, site.file_of("desk-2")) == (FLEET, "8", "b.WECALL")
    of_all = Publication(
        kind=PublicationKind.BUNDLE, name="8", message=site.message, published_at="2026-03-01T12:00:00.000Z"
    )
    told = site.publication_of("desk-1", of_all)
    assert (told.name, told.message, told.published_at) == ("7", site.messages["desk-1"], of_all.published_at)


def test_a_site_is_known_again_by_who_gets_what_and_by_nothing_else(tmp_path: Path) -> None:
    first = site_of(tmp_path, BOTH).message
    (tmp_path / "a.wecall").rename(tmp_path / "z.wecall")
    done = report(serial=SERIALS[0])
    (tmp_path / f"{done.file_stem}.json").write_text(done.as_json())
    again = site_of(tmp_path, {})
    assert (again.message, again.visited) == (first, frozenset({"desk-1"}))
    assert site_of(tmp_path, {"z.wecall": bundle("desk-1", SERIALS[0], number=9)}).message != first


def test_of_two_for_one_handset_the_higher_number_counts(tmp_path: Path) -> None:
    newer = bundle("desk-1", SERIALS[0], number=9)
    site = site_of(tmp_path, {"0.wecall": newer, **BOTH})
    assert site.payload_of("desk-1") == newer
    assert set(site.messages) == {"desk-1", "desk-2"}


def test_whatever_no_handset_would_take_is_told_at_once_and_nothing_is_published(tmp_path: Path) -> None:
    bad = {
        "stranger.wecall": bundle("desk-3", "10000000abcd0003", installer=Installer(bytes(32))),
        "fleet.wecall": bundle("desk-4", "10000000abcd0004", fleet="other"),
        "several.wecall": bundle("desk-5", *SERIALS),
        "everybody.wecall": bundle("desk-6"),
        "empty.wecall": INSTALLER.bundle({"contacts.vcf": b""}, serials=("10000000abcd0007",)),
        "mistakes.wecall": INSTALLER.bundle({"config.toml": b"[device]"}, serials=("10000000abcd0008",)),
        "\x1b[2J.wecall": b"rubbish",
        "twice.wecall": bundle("desk-1", "10000000abcd0009"),
    }
    os.mkfifo(tmp_path / "pipe.wecall")
    with pytest.raises(FleetError) as refusal:
        site_of(tmp_path, BOTH | bad)
    said = str(refusal.value)
    assert said.startswith("Nothing is published.\n")
    assert all(name in said for name in (*bad, "pipe.wecall") if name.isprintable())
    assert "\x1b" not in said
    assert "several.wecall is for 2 handsets of the fleet" in said
    assert "everybody.wecall is for all handsets of the fleet" in said
    assert "two handsets with one device id, desk-1" in said


def test_bundles_of_several_fleets_are_no_site(tmp_path: Path) -> None:
    text = configuration_text(INSTALLER, device="desk-3").replace(f'"{FLEET}"', '"other"')
    other = INSTALLER.bundle({"config.toml": text.encode()}, serials=("10000000abcd0003",), fleet="other")
    with pytest.raises(FleetError, match=f"several fleets, other, {FLEET}"):
        site_of(tmp_path, BOTH | {"c.wecall": other}, fleet=None)


def test_a_configuration_for_another_fleet_than_its_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match=f"signed for the fleet other, and its configuration is for {FLEET}"):
        site_of(tmp_path, {"a.wecall": bundle("desk-1", SERIALS[0], fleet="other")}, fleet=None)


def test_a_folder_without_bundles_says_how_they_are_made(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="wecall bundle mass"):
        site_of(tmp_path, {})


def test_a_file_that_is_gone_or_changed_when_it_is_to_be_sent_is_not_sent(tmp_path: Path) -> None:
    site = site_of(tmp_path, BOTH)
    (tmp_path / "a.wecall").write_bytes(bundle("desk-1", SERIALS[0], number=9))
    with pytest.raises(FleetError, match="was changed meanwhile"):
        site.payload_of("desk-1")
    (tmp_path / "b.WECALL").unlink()
    with pytest.raises(FleetError, match="goes on where it was"):
        site.payload_of("desk-2")


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 6},
        {"number": None, "result": "refused", "code": "forged"},
        {"result": "reverted", "code": "lines"},
    ],
)
def test_a_report_of_anything_but_this_bundle_in_use_is_no_visit(tmp_path: Path, changes: dict[str, Any]) -> None:
    left = report(serial=SERIALS[0], **changes)
    (tmp_path / f"{left.file_stem}.json").write_text(left.as_json())
    (tmp_path / f"report-{SERIALS[1]}.json").write_text(report(serial=SERIALS[0], number=8).as_json())
    assert site_of(tmp_path, BOTH).visited == frozenset()
