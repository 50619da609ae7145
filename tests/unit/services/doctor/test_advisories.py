"""The list of advisories, and how it is held against what is installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from firmware.cli import main
from firmware.services.doctor import advisories
from firmware.services.doctor.advisories import (
    Advisory,
    AdvisoryList,
    Affects,
    Component,
    applies,
    compare,
    installed_version,
)
from tools.lock.lockfile import BUILD, HANDSET, Lock

ROOT = Path(__file__).parents[4]


def advisory(affects: Affects = Affects.YES, since: str | None = None, fixed_in: str | None = None) -> Advisory:
    return Advisory(id="CVE-1", since=since, fixed_in=fixed_in, affects=affects, why="It is so.")


def test_an_advisory_applies_from_its_first_version_up_to_the_one_that_mends_it(subtests: pytest.Subtests) -> None:
    for installed, since, fixed_in, applying in (
        ("2.16", None, "2.17", True),
        ("2.17", None, "2.17", False),
        ("2.17.0", None, "2.17", False),
        ("2.17", None, "2.17.0", False),
        ("2.17.1", None, "2.17", False),
        ("2.9", None, "2.10", True),
        ("2.10", "2.11", "2.13", False),
        ("2.11", "2.11", "2.13", True),
        ("99", None, None, True),
        ("4.19.0 community", None, "4.20", True),
        ("3.5.7-1~deb13u2", None, "3.5.7-1~deb13u3", True),
        ("3.5.9-1~deb13u1", None, "3.5.7-1~deb13u3", False),
    ):
        with subtests.test(installed=installed, applying=applying):
            assert applies(advisory(since=since, fixed_in=fixed_in), installed) is applying


@pytest.mark.parametrize(
    ("affects", "harmful"),
    [(Affects.NO, False), (Affects.MITIGATED, False), (Affects.YES, True), (Affects.UNKNOWN, True)],
)
def test_what_nobody_has_judged_counts_like_what_affects_a_phone(affects: Affects, harmful: bool) -> None:
    [row] = compare([Component(name="font", ours="1.0", note="", advisory=(advisory(affects),))])
    assert row.harmful is harmful


def test_what_is_not_installed_harms_nobody() -> None:
    component = Component(name="font", ask="python there-is-no-such-package", note="", advisory=(advisory(),))
    [row] = compare([component])
    assert (row.installed, row.applying, row.harmful) == (None, (), False)


def test_versions_are_asked_of_python_of_debian_and_of_wheels() -> None:
    asked = [Component(name="", ask=ask, note="") for ask in ("python pydantic", "debian dpkg", "inside sqlite")]
    assert all(installed_version(component) for component in asked)


def test_every_question_of_the_list_is_one_that_can_be_asked() -> None:
    for component in AdvisoryList.read().component:
        kind, _, name = component.ask.partition(" ")
        assert (
            (kind in {"python", "debian"} and name)
            or (kind == "inside" and name in advisories._INSIDE)
            or component.ours
        )


def test_every_locked_package_was_looked_for_and_the_list_is_of_the_locked_releases() -> None:
    known = AdvisoryList.read()
    asked = {
        name: each.ours for each in known.component for kind, _, name in [each.ask.partition(" ")] if kind == "python"
    }
    pins = {pin.name: pin for path in (BUILD, HANDSET) for pin in Lock.read(path).pins}
    assert set(pins) <= {*asked, *known.nothing_known.packages}
    assert [name for name in asked if name in pins and str(pins[name].version) != asked[name]] == []


def test_the_list_is_of_the_releases_that_the_fleets_page_has() -> None:
    packages = json.loads((ROOT / "tools" / "page" / "package-lock.json").read_text())["packages"]
    ours = {component.name: component.ours for component in AdvisoryList.read().component}
    assert ours["uPlot"] == packages["node_modules/uplot"]["version"]


@pytest.mark.parametrize(("affects", "code"), [("no", 0), ("yes", 1)])
def test_doctor_says_what_applies_and_fails_where_a_phone_is_affected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, affects: str, code: int
) -> None:
    path = tmp_path / "advisories.toml"
    path.write_text(
        '[[component]]\nname = "Python packages"\nask = "python pydantic"\nnote = ""\nadvisory = [\n'
        f'  {{ id = "CVE-1", affects = "{affects}", why = "Everybody is." }},\n'
        '  { id = "CVE-2", fixed_in = "0.1", affects = "yes", why = "Nobody is any more." },\n]\n'
        '[nothing_known]\nlooked_at = 2026-01-02\npackages = ["font"]\n'
    )
    monkeypatch.setattr(vars(AdvisoryList)["read"].__func__, "__defaults__", (path,))
    done = CliRunner().invoke(main, ["doctor", "--advisories"])
    assert done.exit_code == code
    assert "1 known, nobody has looked yet" in done.output
    assert "CVE-1" in done.output
    assert "CVE-2" not in done.output
    assert "1 further Python packages: nothing known, looked at 2026-01-02" in done.output


def test_looking_loads_none_of_the_libraries_that_are_looked_at() -> None:
    code = (
        "import sys; from firmware.services.doctor.advisories import AdvisoryList, compare; "
        "list(compare(AdvisoryList.read().component)); "
        "print({'sqlcipher3', 'pjsua2', 'soundfile', 'PIL', 'paho'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "set()\n"
