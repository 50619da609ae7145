"""What the phone can do and the tests that show it: features.toml has the features, markers in the tests say the rest.

    python -m tests.features

writes docs/features.md, and the table of docs/pbx.md.
"""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TESTS: Final = Path(__file__).parent
_DECLARED: Final = _TESTS / "features.toml"
DOCUMENT: Final = _TESTS.parent / "docs/features.md"
PBX_PAGE: Final = _TESTS.parent / "docs/pbx.md"
_FEATURE: Final = "pytest.mark.feature"
_AT_ASTERISK: Final = "pytest.mark.asterisk"
_TABLE: Final = re.compile(r"(?<=<!-- by make features -->\n).*?(?=<!-- so far -->)", re.DOTALL)
_HEAD: Final = """\
# Every feature, and the tests that show it

Tests named `test_phone_*` drive the whole handset by its keys among real peers, with sound checked at each ear;
`test_sip_*` drive the SIP stack. Where no test of a file is named, the whole file is about the feature. What the keys
and codes do: [using the phone](using.md).

`make features` writes this page: a test says by a marker which feature it shows, and
[tests/features.toml](../tests/features.toml) declares the features.
"""


@dataclass(frozen=True, slots=True)
class Features:
    """What the phone can do, and what only its peers can.

    Attributes:
        sections: by title, what is said of each feature by its name.
        lacking: who has each feature that this phone lacks.
        at_asterisk: what is said of each thing that works at an Asterisk, by its name.
        not_at_asterisk: how it stands with each that no test shows.
    """

    sections: Mapping[str, Mapping[str, str]]
    lacking: Mapping[str, str]
    at_asterisk: Mapping[str, str]
    not_at_asterisk: Mapping[str, str]

    @classmethod
    def read(cls) -> "Features":
        declared = tomllib.loads(_DECLARED.read_text(encoding="utf-8"))
        return cls(declared["shown"], declared["lacking"], declared["asterisk"], declared["not_at_asterisk"])

    @property
    def names(self) -> list[str]:
        return [name for section in self.sections.values() for name in section]


@dataclass(frozen=True, slots=True, order=True)
class Shown:
    """A feature that a test shows.

    Attributes:
        path: the test's file, below tests/.
        test: its function, "" where the marker is for the whole file.
        feature: the feature's name.
    """

    path: str
    test: str
    feature: str


def shown(marker: str = _FEATURE) -> list[Shown]:
    """Read every such marker, without importing a test.

    Raises:
        ValueError: a marker stands where it would not be found, or its names are not written out.
    """
    return [each for path in sorted(_TESTS.rglob("test_*.py")) for each in _shown_in(path, marker)]


def shown_at_asterisk() -> list[Shown]:
    """Read likewise what works at an Asterisk."""
    return shown(_AT_ASTERISK)


def _shown_in(path: Path, marker: str) -> Iterator[Shown]:
    source = path.read_text(encoding="utf-8")
    if marker not in source:
        return
    name = path.relative_to(_TESTS).as_posix()
    found = 0
    for statement in ast.parse(source, str(path)).body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if statement.name.startswith("test_"):
                test, marks = statement.name, statement.decorator_list
            case ast.Assign(targets=[ast.Name("pytestmark")], value=ast.List(elts=marks)):
                test = ""
            case ast.Assign(targets=[ast.Name("pytestmark")], value=mark):
                test, marks = "", [mark]
            case _:
                continue
        for mark in marks:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == marker:
                found += 1
                yield from (Shown(name, test, ast.literal_eval(feature)) for feature in mark.args)
    if found != source.count(marker):
        raise ValueError(f"{name}: a marker of a feature stands before a test or in `pytestmark`, and nowhere else.")


def document(features: Features, tests: list[Shown]) -> str:
    """Return docs/features.md."""
    lines = [_HEAD]
    for title, section in features.sections.items():
        lines += [f"## {title}", "", "| feature | tests |", "| --- | --- |"]
        lines += [f"| {said} | {_links(name, tests)} |" for name, said in section.items()]
        lines.append("")
    lines += ["## What peers have and this phone lacks", "", "| feature | who has it |", "| --- | --- |"]
    lines += [f"| {feature} | {who} |" for feature, who in features.lacking.items()]
    return "\n".join(lines) + "\n"


def pbx_page(features: Features, tests: list[Shown]) -> str:
    """Return docs/pbx.md with its table of what works as the tests show it."""
    lines = ["", "| at Asterisk | tests |", "| --- | --- |"]
    lines += [f"| {said} | {_links(name, tests)} |" for name, said in features.at_asterisk.items()]
    lines += [f"| {what} | {how} |" for what, how in features.not_at_asterisk.items()]
    return _TABLE.sub(lambda _: "\n".join([*lines, "", ""]), PBX_PAGE.read_text(encoding="utf-8"))


def _links(feature: str, tests: list[Shown]) -> str:
    files: dict[str, list[str]] = defaultdict(list)
    for each in tests:
        if each.feature == feature:
            files[each.path].append(each.test)
    return "<br>".join(_link(path, names) for path, names in files.items())


def _link(path: str, names: list[str]) -> str:
    link = f"[{Path(path).name}](../tests/{path})"
    return link if "" in names else f"{link}: " + ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    DOCUMENT.write_text(document(Features.read(), shown()), encoding="utf-8")
    PBX_PAGE.write_text(pbx_page(Features.read(), shown_at_asterisk()), encoding="utf-8")
