"""What is said about a configuration or a bundle's folder: mistakes, and warnings of what is allowed but risky."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

BYTE_ORDER_MARK: Final = "\ufeff"
"""What editors on Windows put before a text; it means nothing."""

KeyPath = tuple[str | int, ...]
"""The keys that lead to a setting, as in the file; tables of a list are counted from 0."""


class Place(NamedTuple):
    """Where something stands in a file; lines and columns are counted from 1, columns in letters."""

    line: int
    column: int


class Severity(StrEnum):
    """Whether something must be corrected, or only looked at."""

    MISTAKE = "mistake"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that is wrong, or risky.

    Attributes:
        severity: which of the two.
        text: what it is and what to do about it, without the place and the full stop.
        path: the setting that it is about; empty where it is about the whole file.
        place: where that stands in the file, None where that is not known.
        file: the file, from the bundle's folder on; empty where there is but one.
        about: the other settings that it follows from.
    """

    severity: Severity
    text: str
    path: KeyPath = ()
    place: Place | None = None
    file: str = ""
    about: tuple[KeyPath, ...] = ()

    @property
    def setting(self) -> str:
        """The setting that it is about, as it is read; tables of a list are counted from 1."""
        return dotted(self.path)

    @property
    def sentence(self) -> str:
        """All of it but the file, for those who see no list beside it."""
        where = f" (line {self.place.line}, column {self.place.column})" if self.place else ""
        stop = "" if self.text.endswith("?") and not where else "."
        return f"{self.setting or 'The configuration'}: {self.text}{where}{stop}"


def mistake(text: str, *path: str | int, about: Iterable[KeyPath] = ()) -> Remark:
    """Return what has to be corrected about a setting."""
    return Remark(Severity.MISTAKE, text, path, about=tuple(about))


def warning(text: str, *path: str | int, about: Iterable[KeyPath] = ()) -> Remark:
    """Return what is allowed about a setting, but risky."""
    return Remark(Severity.WARNING, text, path, about=tuple(about))


def dotted(path: KeyPath) -> str:
    """Return a path as people read it, such as accounts[1].domain."""
    return "".join(f"[{key + 1}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def joined(values: Iterable[object], word: str = "or", *, quote: bool = True) -> str:
    """Return values as a sentence lists them: "a", "b" or "c"."""
    texts = [f'"{value}"' if isinstance(value, str) and quote else str(value) for value in values]
    return f" {word} ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))


def counted(count: int, noun: str) -> str:
    """Return how many there are, such as "1 mistake"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def by_place(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """Return remarks about one text in its order, those about the whole of it first."""
    return tuple(sorted(remarks, key=lambda remark: remark.place or Place(0, 0)))
