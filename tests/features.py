"""What the phone can do and the tests that show it: features.toml has the features, markers in the tests say the rest.

    python -m tests.features

writes docs/features.md.
"""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TESTS: Final = Path(__file__).parent
_DECLARED: Final = _TESTS / "features.toml"
DOCUMENT: Final = _TESTS.parent / "docs/features.md"
_MARKER: Final = "pytest.mark.feature"
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
    """

    sections: Mapping[str, Mapping[str, str]]
    lacking: Mapping[str, str]

    @classmethod
    def read(cls) -> "Features":
        declared = tomllib.loads(_DECLARED.read_text(encoding="utf-8"))
        return cls(declared["shown"], declared["lacking"])

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


def shown() -> list[Shown]:
    """Read every marker, without importing a test.

    Raises:
        ValueError: a marker stands where it would not be found, or its names are not written out.
    """
    return [each for path in sorted(_TESTS.rglob("test_*.py")) for each in _shown_in(path)]


def _shown_in(path: Path) -> Iterator[Shown]:
    source = path.read_text(encoding="utf-8")
    if _MARKER not in source:
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
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == _MARKER:
                found += 1
                yield from (Shown(name, test, ast.literal_eval(feature)) for feature in mark.args)
    if found != source.count(_MARKER):
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
