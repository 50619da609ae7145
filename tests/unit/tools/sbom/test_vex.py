"""What the advisories mean, for machines: it says what the list says, and matches the bills of materials."""

import json
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from firmware.services.doctor.advisories import AdvisoryList, Affects, applies
from tools.lock.lockfile import HANDSET, Lock
from tools.sbom.inventory import page_libraries, pypi
from tools.sbom.vex import VEX, purl_of, vex

STATES = {
    Affects.NO: "not_affected",
    Affects.MITIGATED: "not_affected",
    Affects.YES: "exploitable",
    Affects.UNKNOWN: "in_triage",
}


def entries() -> dict[tuple[str, str], dict[str, Any]]:
    document = json.loads(VEX.read_text(encoding="utf-8"))
    return {(each["id"], each["affects"][0]["ref"]): each for each in document["vulnerabilities"]}


def test_the_page_is_the_list_of_advisories() -> None:
    assert VEX.read_text(encoding="utf-8") == vex(), "run `make vex`"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(vex()) is None


def test_every_advisory_of_the_list_is_judged_as_there() -> None:
    found = entries()
    listed = [(each, advisory) for each in AdvisoryList.read().component for advisory in each.advisory]
    assert len(found) == len(listed)
    for component, advisory in listed:
        analysis = found[advisory.id, purl_of(component)]["analysis"]
        mended = component.ours and not applies(advisory, component.ours)
        assert analysis["state"] == ("resolved" if mended else STATES[advisory.affects])
        assert analysis["detail"] == advisory.why
        assert ("justification" in analysis) is (analysis["state"] == "not_affected")


def test_the_versions_are_those_of_the_list() -> None:
    found = entries()
    ranges = {key: each["affects"][0]["versions"][0]["range"] for key, each in found.items()}
    assert (
        ranges["CVE-2026-69248", next(ref for _, ref in ranges if "pypi/cryptography" in ref)] == "vers:pypi/>=45|<49"
    )
    assert ranges["CVE-2026-6766", "pkg:deb/debian/libnss3"] == "vers:deb/<2%3A3.110-1+deb13u2"
    assert ranges["CVE-2026-57162", "pkg:github/pjsip/pjproject@2.17"] == "vers:generic/*"


def test_what_it_names_stands_in_the_bills_of_materials_by_the_same_name() -> None:
    pins = {pypi(pin.name, str(pin.version)) for pin in Lock.read(HANDSET).pins}
    page = {part.purl for part in page_libraries()}
    for _, ref in entries():
        if ref.startswith(("pkg:pypi/", "pkg:npm/")) and "setuptools" not in ref:
            assert ref in pins | page
