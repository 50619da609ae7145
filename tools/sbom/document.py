"""Writes what was found as CycloneDX 1.6 in JSON (ECMA-424): the same bytes for the same things."""

import json
import os
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tools.sbom.inventory import OWN, Part, found_in

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "https://cyclonedx.org/schema/bom-1.6.schema.json")
_IMAGE: Final = Path("usr/lib/wecall/image.json")


def document_of(root: Path) -> str:
    """Return the bill of materials of all that is under a root: an image's, the package's, or a fleet server's."""
    parts = found_in(root)
    image = root / _IMAGE
    if image.is_file():
        said = json.loads(image.read_text(encoding="utf-8"))
        return document(Part(said["compatible"], said["version"], kind="firmware"), parts)
    own = next((part for part in parts if part.name == OWN), Part(OWN))
    return document(Part(OWN, own.version, kind="application"), parts)


def document(subject: Part, parts: Iterable[Part]) -> str:
    """Return the bill of materials of a subject, of these parts."""
    components = [_component(part) for part in parts]
    about: dict[str, Any] = {"component": _component(subject), "lifecycles": [{"phase": "build"}]}
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        # https://reproducible-builds.org/specs/source-date-epoch/
        about["timestamp"] = datetime.fromtimestamp(int(epoch), UTC).isoformat()
    graph = {"ref": subject.name, "dependsOn": [each["bom-ref"] for each in components]}
    return as_text({"metadata": about, "components": components, "dependencies": [graph]})


def as_text(content: Mapping[str, Any]) -> str:
    """Return a document of CycloneDX with a serial number that its content decides."""
    serial = uuid.uuid5(_NAMESPACE, json.dumps(content, sort_keys=True))
    head = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
    }
    return json.dumps({**head, **content}, indent=1, ensure_ascii=False) + "\n"


def _component(part: Part, within: str = "") -> dict[str, Any]:
    """Return a part as CycloneDX has it; its reference begins with that of the part that brings it."""
    reference = f"{within}{part.purl or part.name}"
    component: dict[str, Any] = {"type": part.kind, "bom-ref": reference, "name": part.name}
    if part.version:
        component["version"] = part.version
    if part.sha256:
        component["hashes"] = [{"alg": "SHA-256", "content": part.sha256}]
    if part.licence:
        component["licenses"] = [{"expression": part.licence}]
    if part.purl:
        component["purl"] = part.purl
    if part.facts:
        component["properties"] = [{"name": name, "value": value} for name, value in part.facts]
    if part.parts:
        component["components"] = [_component(each, f"{reference}|") for each in part.parts]
    return component
