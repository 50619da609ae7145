"""The tasks as a page of the documentation: what each takes now, beside what it took before."""

import tomllib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

from tests.tasks.tasks import TASKS
from tests.tasks.walk import CHARACTERS_A_SECOND, KEY_S, LETTERS_A_SECOND, Cost

PATH: Final = Path(__file__).resolve().parents[2] / "docs" / "tasks.md"
_DECLARED: Final = Path(__file__).parent / "tasks.toml"

_HEAD: Final = f"""\
# What a task takes

How many keys somebody presses for it, how many pages come up, and how many seconds that takes; before the arrow, how
many it took in commit `{{before}}`. `make menu` writes this page: a script does each task with the fewest keys that the
display tells of ([tasks.py](../tests/tasks/tasks.py)), on a phone with one contact (Anna), one call and one recording.
A test fails where a task takes more than [tasks.toml](../tests/tasks/tasks.toml) allows. What the keys do:
[using the phone](using.md).

- **Keys**: each key pressed or held, and the handset lifted or put down; digits of a PIN or a number, too.
- **Pages**: different pages that come up, the one that shows that it is done among them. Another row that is selected,
  and what is typed, make no other page.
- **Seconds**: {KEY_S:.0f} for each key, and for each page once what it takes to read all of it, {LETTERS_A_SECOND}
  letters a second or {CHARACTERS_A_SECOND} Chinese characters. That compares one way with another and promises nobody
  anything. The keystroke-level model (Card, Moran and Newell, Communications of the ACM 23/7, 1980) has 0.5 seconds for
  a key where letters come at random and 1.2 for somebody who does not know the keys; readers of the IReST texts
  (Trauzettel-Klosinski and Dietz, Investigative Ophthalmology & Visual Science 53/9, 2012) read 987 letters of English
  or 255 characters of Chinese a minute.

Before, the consent to recordings was asked for in the first run, and is asked for in the first recording now; nothing
but a shell helped where a PIN was forgotten.

| task | keys | pages | seconds | what is pressed |
| --- | --- | --- | --- | --- |
"""

_IMPOSSIBLE: Final = (None, None, None)


@dataclass(frozen=True, slots=True)
class Declared:
    """What a task took before, None where a phone could not do it, and what it may take at most."""

    before: Cost | None
    most: Cost


def declared() -> Mapping[str, Declared]:
    """Read what is declared of each task."""
    tasks = _read()["tasks"]
    return {
        name: Declared(Cost(*task["before"]) if "before" in task else None, Cost(*task["most"]))
        for name, task in tasks.items()
    }


def document() -> str:
    """Walk through all tasks and return the page, in Markdown."""
    before = {name: task.before for name, task in declared().items()}
    rows = []
    for name, task in TASKS.items():
        walk = task()
        then = before[name]
        figures = " | ".join(map(_figure, astuple(then) if then else _IMPOSSIBLE, astuple(walk.cost)))
        rows.append(f"| {name} | {figures} | {' '.join(walk.pressed)} |\n")
    return _HEAD.format(before=_read()["before_commit"]) + "".join(rows)


def _read() -> dict[str, Any]:
    return tomllib.loads(_DECLARED.read_text(encoding="utf-8"))


def _figure(before: int | None, now: int) -> str:
    if before is None:
        return f"not at all → {now}"
    return f"{before} → {now}" if before != now else f"{now}"
