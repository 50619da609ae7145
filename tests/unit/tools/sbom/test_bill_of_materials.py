"""Bills of materials: what they say is what lies there, and CycloneDX's own schema takes them."""

import base64
import hashlib
import json
import re
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from firmware import cli
from firmware.cli import updates
from firmware.services.doctor.advisories import AdvisoryList, installed_version
from tests.lab.bill_of_materials import every_component, hold_against, read
from tools.debian.package import lay_out
from tools.debian.target import Target
from tools.lock.lockfile import FLEET, HANDSET, Lock
from tools.sbom.__main__ import main
from tools.sbom.document import document_of
from tools.sbom.inventory import pypi

TARGET = Target("amd64", sys.version_info[:2], sys.executable)


def purls(document: dict[str, Any]) -> set[str]:
    return {each["purl"] for each in document["components"]}


def wheel(folder: Path, name: str, version: str, contents: dict[str, bytes], licence: str = "") -> Path:
    information = f"{name.replace('-', '_')}-{version}.dist-info"
    head = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
    contents = {**contents, f"{information}/METADATA": f"{head}License-Expression: {licence}\n".encode()}
    digests = {
        path: base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        for path, content in contents.items()
    }
    record = "".join(f"{path},sha256={digest},\n" for path, digest in digests.items())
    path = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, content in {**contents, f"{information}/RECORD": record.encode()}.items():
            archive.writestr(inside, content)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The package's root, with a handset of one line and three libraries."""
    cryptography = next(pin for pin in Lock.read(HANDSET).pins if pin.name == "cryptography")
    wheels = [
        wheel(tmp_path, "wecall-handset", "9.1", {"firmware/cli.py": b""}, "MIT"),
        wheel(tmp_path, "wecall-pjsua2", "2.17.0", {"pjsua2/_pjsua2.so": b"sip"}),
        wheel(tmp_path, "cryptography", str(cryptography.version), {"cryptography/rust.abi3.so": b"rust"}),
        wheel(tmp_path, "Pic.ture", "1", {"picture.libs/libjpeg-01.so.62.4.0": b"jpeg", "x/tests/y.so": b"left out"}),
    ]
    root = tmp_path / "root"
    lay_out(root, TARGET, wheels)
    return root


def test_the_package_carries_a_bill_of_what_is_in_it(root: Path) -> None:
    document = read((root / "opt/wecall/share/sbom.json").read_text())
    hold_against(document, root)
    assert (
        document["metadata"]["component"] | {"version": "9.1", "type": "application"}
        == (document["metadata"]["component"])
    )
    assert "pkg:pypi/pic-ture@1" in purls(document)
    assert set(document["dependencies"][0]["dependsOn"]) == {each["bom-ref"] for each in document["components"]}
    assert {"expression": "MIT"} in [each.get("licenses", [{}])[0] for each in document["components"]]
    assert len([each for each in every_component(document) if each["type"] == "file"]) == 3


@pytest.mark.parametrize("change", ["another library", "a changed library", "another distribution"])
def test_a_bill_of_something_else_is_noticed(root: Path, change: str) -> None:
    document = read(document_of(root))
    library = next(root.rglob("_pjsua2.so"))
    if change == "another distribution":
        (library.parents[1] / "more-1.dist-info").mkdir()
        (library.parents[1] / "more-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: more\nVersion: 1\n")
    else:
        library.with_name("more.so" if change == "another library" else library.name).write_bytes(b"other")
    with pytest.raises(AssertionError):
        hold_against(document, root)


def test_what_is_built_or_bundled_in_is_named_with_its_release(root: Path) -> None:
    inside = {each["purl"]: each for each in every_component(read(document_of(root))) if "purl" in each}
    sip = inside["pkg:github/pjsip/pjproject@2.17"]
    digest = hashlib.sha256(Path("engine/files.sha256").read_bytes()).hexdigest()
    assert {"name": "wecall:sha256-of-files.sha256", "value": digest} in sip["properties"]
    openssl = next(each for each in AdvisoryList.read().component if each.ask == "inside cryptography-openssl")
    assert f"pkg:generic/openssl@{openssl.ours}?bundled_by=cryptography" in inside
    assert any(purl.startswith("pkg:pypi/phonenumbers@") for purl in inside)


def test_the_list_names_the_libraries_that_are_inside_the_wheels() -> None:
    inside = [each for each in AdvisoryList.read().component if each.ask.startswith("inside")]
    pins = {pin.name: str(pin.version) for pin in Lock.read(HANDSET).pins}
    if any(metadata.version(name) != pins[name] for name in ("sqlcipher3", "cryptography", "pillow", "soundfile")):
        pytest.skip("Other releases are installed here than are locked; `pip install` of the locked ones shows it.")
    assert {each.name: (installed_version(each) or "").split()[0] for each in inside} == {
        each.name: each.ours for each in inside
    }


def test_a_real_environment_is_listed_whole() -> None:
    hold_against(read(document_of(Path(sys.prefix))), Path(sys.prefix))


def test_an_image_is_listed_with_its_debian_packages(root: Path) -> None:
    dpkg, ours = Path("/var/lib/dpkg"), root / "var/lib/dpkg"
    (ours / "info").mkdir(parents=True)
    stanzas = (dpkg / "status").read_text(encoding="utf-8").split("\n\n")
    some = [each for each in stanzas if re.match(r"Package: (base-files|libzstd1|dpkg)\n", each)]
    gone = "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1"
    (ours / "status").write_text("\n\n".join([*some, gone]) + "\n\n")
    (ours / "info/libzstd1.list").write_text("/lib/libzstd.so.1.5.7\n")
    (root / "usr/lib/libzstd.so.1.5.7").write_bytes(b"")
    (root / "usr/lib/libzstd.so.1").symlink_to("libzstd.so.1.5.7")
    image = root / "usr/lib/wecall/image.json"
    image.parent.mkdir(parents=True)
    image.write_text('{"version": "9.1", "compatible": "wecall-handset-amd64"}')
    document = read(document_of(root))
    assert document["metadata"]["component"]["name"] == "wecall-handset-amd64"
    assert len([purl for purl in purls(document) if purl.startswith("pkg:deb/debian/")]) == 3
    hold_against(document, root)


def test_the_same_things_give_the_same_bytes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    first = document_of(root)
    assert read(first)["metadata"]["timestamp"] == "2026-09-21T14:13:20+00:00"
    assert document_of(root) == first
    library = next(root.rglob("_pjsua2.so"))
    library.write_bytes(b"another")
    assert read(document_of(root))["serialNumber"] != json.loads(first)["serialNumber"]


def test_what_is_locked_for_a_fleet_server_is_listed_with_the_pages_libraries() -> None:
    done = CliRunner().invoke(main, ["--lock", "fleet"], catch_exceptions=False)
    document = read(done.output)
    locked = {pypi(pin.name, str(pin.version)) for pin in Lock.read(FLEET).pins}
    page = json.loads(Path("tools/page/package-lock.json").read_text())["packages"]
    assert locked < purls(document)
    assert f"pkg:npm/uplot@{page['node_modules/uplot']['version']}" in purls(document)
    assert "axe-core" not in {each["name"] for each in document["components"]}


def test_a_fleet_server_has_the_libraries_of_its_page_by_the_files_that_lie_there(tmp_path: Path) -> None:
    vendor = tmp_path / "lib/python3.13/site-packages/fleet/page/vendor"
    vendor.mkdir(parents=True)
    lock = Path("tools/page/package-lock.json").read_bytes()
    (vendor / ".lock").write_text(hashlib.sha256(lock).hexdigest())
    assert any(purl.startswith("pkg:npm/uplot@") for purl in purls(read(document_of(tmp_path))))
    (vendor / ".lock").write_text("another")
    assert purls(read(document_of(tmp_path))) == set()


def test_a_lock_or_a_root_is_asked_for() -> None:
    assert "either --root or --lock" in CliRunner().invoke(main, []).output
    assert "either --root or --lock" in CliRunner().invoke(main, ["--lock", "fleet", "--root", "."]).output


def test_the_command_prints_the_cards_bill_before_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card, package = tmp_path / "card.json", tmp_path / "package.json"
    monkeypatch.setattr(updates, "_BILLS", (card, package))
    nothing = CliRunner().invoke(cli.main, ["version", "--sbom"])
    assert nothing.exit_code == 1
    assert "no bill of materials" in nothing.output
    package.write_text('{"of": "the package"}\n')
    assert CliRunner().invoke(cli.main, ["version", "--sbom"]).output == '{"of": "the package"}\n'
    card.write_text('{"of": "the card"}\n')
    assert CliRunner().invoke(cli.main, ["version", "--sbom"]).output == '{"of": "the card"}\n'
