"""Reads TOML that may have mistakes: each is told, and what is left is read all the same."""

import re
import tomllib
from dataclasses import dataclass
from typing import Any, Final

from provisioning.remarks import Place, Remark, Severity

_PLACE: Final = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_KEY: Final = re.compile(r"""\s*(?P<key>[\w."'-]+)\s*(?P<sign>=?)(?P<value>.*)""")
_TOO_DEEP: Final = "Too deep"
_TOO_LONG: Final = "Number too long"
_OPEN: Final = ("Unclosed", "Unterminated", _TOO_DEEP)
_QUOTED: Final = re.compile(r""""(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_MOST_DOTS: Final = 100
_SHORT_LINE: Final = 2 * _MOST_DOTS
_LONG_NUMBER: Final = re.compile(r"[0-9_]{1000}")
_MOST_MISTAKES: Final = 50
_MOST_LETTERS: Final = 2_000_000
"""How much is read again after mistakes: whoever wrote many into a long text must not keep a handset busy."""

_WORDS: Final = (
    (_TOO_DEEP, "names, lists or tables stand in each other too deeply; no setting needs that"),
    (_TOO_LONG, "this number is too long; no setting needs that"),
    ("Invalid value", 'this is no value; a text stands in quotes, as in "text", and yes or no is true or false'),
    ("Cannot overwrite a value", "this is set here for the second time; take one of them out"),
    ("Expected '=' after a key", 'a setting is written with an equals sign, as in name = "value"'),
    ("Expected newline or end of document after a statement", "something stands behind the value that does not belong"),
    ("Unclosed array", "a list before this place is not closed; its last value must be followed by ]"),
    ("Unclosed inline table", "a table before this place is not closed; its last value must be followed by }"),
    ("Unterminated string", 'a text before this place has no closing quote, "'),
    ("Illegal character '\\n'", 'the text in this line has no closing quote, "'),
    ("Invalid statement", 'this is neither a [table] nor a setting such as name = "value"'),
    ("Unescaped '\\' in a string", "a backslash in a text is written twice, or the text stands in single quotes"),
    ("Invalid initial character for a key part", "a name of a setting has letters, digits, - and _ only"),
    ("Cannot declare", "this table stands here for the second time; put its settings together in one"),
    ("Cannot mutate immutable namespace", "this table was closed before; put its settings together in one"),
    ("Expected ']' at the end of a table declaration", "the name of a table stands in brackets, as in [sip]"),
    ("Expected ']]' at the end of an array declaration", "this name stands in double brackets, as in [[accounts]]"),
)


@dataclass(frozen=True, slots=True)
class TomlText:
    """What could be read.

    Attributes:
        values: what is left without the lines that have mistakes.
        text: the same as it is written.
        mistakes: what is wrong with how the text is written.
        lost: the names of the settings in these lines.
        whole: there is nothing beyond these lines that could not be read.
    """

    values: dict[str, Any]
    text: str
    mistakes: tuple[Remark, ...] = ()
    lost: frozenset[str] = frozenset()
    whole: bool = True


def loads(text: str) -> dict[str, Any]:
    """Read a text that has no mistakes, in time and depth that rise no faster than its length.

    The standard library's parser takes hours for one name of a hundred thousand parts, runs out of stack for lists in
    lists, and fails with an error of another kind where a number has thousands of digits.

    Raises:
        TOMLDecodeError: it has one.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        bare = _QUOTED.sub("", line) if len(line) > _SHORT_LINE else ""
        if bare.count(".") > _MOST_DOTS:
            raise tomllib.TOMLDecodeError(f"{_TOO_DEEP} (at line {number}, column 1)")
        if _LONG_NUMBER.search(bare):
            raise tomllib.TOMLDecodeError(f"{_TOO_LONG} (at line {number}, column 1)")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError(f"{_TOO_DEEP} (at end of document)") from None


def read_toml(text: str) -> TomlText:
    """Read a text as far as it goes.

    A line that is a setting by itself is left out where it has a mistake, and the rest is read. What is open at the
    end of a line (a list, a long text, the header of a table) makes everything that follows mean something else:
    reading ends there.
    """
    lines = text.split("\n")
    mistakes: list[Remark] = []
    lost: set[str] = set()
    most = min(_MOST_MISTAKES, 1 + _MOST_LETTERS // (len(text) + 1))
    while len(mistakes) < most:
        try:
            left = "\n".join(lines)
            return TomlText(loads(left), left, tuple(mistakes), frozenset(lost))
        except tomllib.TOMLDecodeError as error:
            message = str(error)
        place = _place(message, lines)
        mistakes.append(Remark(Severity.MISTAKE, _words(message), place=place))
        name = _setting_alone(lines[place.line - 1], message)
        if name is None:
            break
        lost.add(name)
        lines[place.line - 1] = ""
    return TomlText({}, text, tuple(mistakes), frozenset(lost), whole=False)


def _setting_alone(line: str, message: str) -> str | None:
    """Return the name of the setting that this line is all of; None where it is a part of something else."""
    found = _KEY.match(line)
    if found is None or message.startswith(_OPEN) or not (found["sign"] or message.startswith("Expected '='")):
        return None
    value = found["value"]
    opens = any(value.count(begin) != value.count(end) for begin, end in ("[]", "{}"))
    return None if opens or '"""' in value or "'''" in value else found["key"].rpartition(".")[2].strip("\"'")


def _place(message: str, lines: list[str]) -> Place:
    found = _PLACE.search(message)
    if found is None or found["line"] is None:
        return Place(len(lines), len(lines[-1]) + 1)
    return Place(int(found["line"]), int(found["column"]))


def _words(message: str) -> str:
    said = _PLACE.sub("", message)
    return next((words for beginning, words in _WORDS if said.startswith(beginning)), f"this is not TOML: {said}")
