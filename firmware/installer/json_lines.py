"""Files beside a table of handsets: a line of JSON for each handset, written whole or not at all."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from firmware.base.durable import replace_durably
from provisioning.errors import ProvisioningError
from provisioning.section import Section

_Line = TypeVar("_Line", bound=Section)


def read_lines(path: Path, form: type[_Line], remedy: str) -> Iterator[_Line]:
    """Read the lines; where there is no file there are none.

    Args:
        path: the file.
        form: of each line.
        remedy: what to do where one is damaged, as a sentence.

    Raises:
        ProvisioningError: a line is damaged.
        OSError: the file cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for number, line in enumerate(lines, start=1):
        try:
            yield form.model_validate_json(line)
        except ValidationError:
            raise ProvisioningError(f"{path}, line {number}, is damaged. {remedy}") from None


def write_lines(path: Path, lines: Iterable[Section]) -> None:
    """Write them in place of those that are there; they are on the disk when this returns.

    Raises:
        OSError: the disk is full, read-only or broken; what was there stands.
    """
    replace_durably(path, "".join(f"{line.model_dump_json()}\n" for line in lines).encode())
