"""`python -m tools.sbom.vex`: write what the known advisories mean for a phone, as CycloneDX 1.6 in JSON (VEX)."""

from typing import Any, Final
from urllib.parse import quote

from firmware.services.doctor.advisories import Advisory, AdvisoryList, Affects, Component, applies
from tools.lock.lockfile import ROOT
from tools.sbom.document import as_text
from tools.sbom.inventory import BUNDLED, ENGINE, OWN, bundled, pjproject, pypi

VEX: Final = ROOT / "docs" / "vex.json"

_PAGE: Final = {"uPlot": "uplot"}
_ANALYSES: Final[dict[Affects, dict[str, Any]]] = {
    Affects.NO: {"state": "not_affected", "justification": "code_not_reachable"},
    Affects.MITIGATED: {"state": "not_affected", "justification": "protected_by_mitigating_control"},
    Affects.YES: {"state": "exploitable", "response": ["update"]},
    Affects.UNKNOWN: {"state": "in_triage"},
}


def vex() -> str:
    """Return the list of advisories as a document of CycloneDX.

    A component whose version is ours has the state of that version. Debian's are updated on the phone: their state is
    that of a version which has the fault, and the range says which those are.
    """
    listed = [each for each in AdvisoryList.read().component if each.advisory]
    looked_at = max(each.looked_at for each in listed if each.looked_at)
    components = [
        {"type": "library", "bom-ref": purl_of(each), "name": each.name, "purl": purl_of(each)}
        | ({"version": each.ours} if each.ours else {})
        for each in listed
    ]
    return as_text(
        {
            "metadata": {
                "timestamp": f"{looked_at}T00:00:00+00:00",
                "component": {"type": "application", "bom-ref": OWN, "name": OWN},
            },
            "components": components,
            "vulnerabilities": [_vulnerability(each, advisory) for each in listed for advisory in each.advisory],
        }
    )


def purl_of(component: Component) -> str:
    """Return the package URL by which bills of materials name a component of the list."""
    kind, _, name = component.ask.partition(" ")
    if kind == "debian":
        return f"pkg:deb/debian/{name}"
    if kind == "inside":
        return bundled(*BUNDLED[name], component.ours)
    if name == ENGINE:
        return pjproject().purl
    return pypi(name, component.ours) if name else f"pkg:npm/{_PAGE[component.name]}@{component.ours}"


def _vulnerability(component: Component, advisory: Advisory) -> dict[str, Any]:
    ours_is_mended = bool(component.ours) and not applies(advisory, component.ours)
    state = {"state": "resolved"} if ours_is_mended else _ANALYSES[advisory.affects]
    entry: dict[str, Any] = {
        "bom-ref": f"{advisory.id} in {component.name}",
        "id": advisory.id,
        "analysis": {**state, "detail": advisory.why},
        "affects": [
            {"ref": purl_of(component), "versions": [{"range": _range(component, advisory), "status": "affected"}]}
        ],
    }
    if advisory.also:
        entry["references"] = [{"id": advisory.also, "source": {"name": advisory.also.partition("-")[0]}}]
    if component.looked_at:
        entry["analysis"]["lastUpdated"] = f"{component.looked_at}T00:00:00+00:00"
    return entry


def _range(component: Component, advisory: Advisory) -> str:
    """Return the versions that have the fault (https://github.com/package-url/vers-spec)."""
    scheme = purl_of(component).removeprefix("pkg:").partition("/")[0].replace("github", "generic")
    bounds = [
        *([f">={quote(advisory.since, safe='+')}"] if advisory.since else []),
        *([f"<{quote(advisory.fixed_in, safe='+')}"] if advisory.fixed_in else []),
    ]
    return f"vers:{scheme}/{'|'.join(bounds) or '*'}"


if __name__ == "__main__":
    VEX.write_text(vex(), encoding="utf-8")
