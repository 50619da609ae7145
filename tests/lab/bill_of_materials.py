"""Holds a bill of materials against what really lies in a root, by the words of others than `tools.sbom`."""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name


def read(text: str) -> dict[str, Any]:
    """Return a document that CycloneDX's schema takes and whose references are unique."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document: dict[str, Any] = json.loads(text)
    references = [each["bom-ref"] for each in every_component(document)]
    assert len(references) == len(set(references))
    return document


def every_component(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each component, and those inside it."""
    for component in document.get("components", []):
        yield component
        yield from every_component(component)


def hold_against(document: dict[str, Any], root: Path) -> None:
    """Fail where a bill names another distribution, Debian package or native library than a root has.

    Args:
        document: the bill, as it was read.
        root: with dpkg's own files, where it has Debian packages.
    """
    named = [each["purl"] for each in document["components"]]
    assert _of("pypi", named) == {
        f"{canonicalize_name(each.name)}@{each.version}"
        for folder in {path.parent for kind in ("dist", "egg") for path in root.rglob(f"*.{kind}-info")}
        for each in metadata.distributions(path=[str(folder)])
    }
    packages, theirs = _debian(root)
    assert _of("deb/debian", named) == packages
    files = [each for each in every_component(document) if each["type"] == "file"]
    hashes = {each["name"]: each["hashes"][0]["content"] for each in files}
    assert len(hashes) == len(files), "a native library has two owners"
    assert hashes == {
        path: hashlib.sha256((root / path[1:]).read_bytes()).hexdigest()
        for path in native_libraries(root)
        if path not in theirs
    }


def native_libraries(root: Path) -> set[str]:
    """Return the paths of the native libraries under a root, links aside."""
    return {
        f"/{path.relative_to(root)}"
        for path in root.rglob("*.so*")
        if re.search(r"\.so(\.[0-9.]+)?$", path.name) and path.is_file() and not path.is_symlink()
    }


def _of(kind: str, purls: list[str]) -> set[str]:
    """Return what stands behind one kind in package URLs."""
    begin = f"pkg:{kind}/"
    return {unquote(purl.removeprefix(begin).partition("?")[0]) for purl in purls if purl.startswith(begin)}


def _debian(root: Path) -> tuple[set[str], set[str]]:
    """Return the packages that dpkg knows in a root, and the paths of their files."""
    folder = root / "var/lib/dpkg"
    if not folder.is_dir():
        return set(), set()
    asked = ["dpkg-query", f"--admindir={folder}", "--show", "--showformat=${db:Status-Status} ${Package}@${Version}\n"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    # What our own package brings is named part by part.
    lists = [path for path in folder.glob("info/*.list") if path.stem != "wecall-handset"]
    listed = {line for path in lists for line in path.read_text().splitlines()}
    # Packages name /lib where it is a link to /usr/lib.
    files = listed | {f"/usr{path}" for path in listed}
    return {line.partition(" ")[2] for line in said if line.startswith("installed ")}, files
