"""Writes which files of the checkout a process touches, for the map of what tests touch (tests/coverage_map.py).

A file of Python is touched where one of its functions runs, any other one where it is read. A process learns from
WECALL_TOUCHED where to write that; Python loads `sitecustomize` from SITE first, which has it begin (PYTHONPATH).
What runs without Python, or with an environment of its own, is not seen: nobody may think that it touches nothing.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "build/touched"
SITE: Final = ROOT / "build/touched-site"
WHERE: Final = "WECALL_TOUCHED"
_monitoring: Final[Any] = vars(sys)["monitoring"]  # the checker goes by the oldest Python of a handset
_TOOL: Final = 4  # free for anybody (PEP 669)
_RECORDER: Final = "wecall_touched"
_OURS: Final = f"{ROOT}/"
_OTHERS: Final = ("build/", ".venv/", ".git/", ".")


class _Recorder:
    """Writes each file once, as soon as it is touched: many of these processes are killed."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        _monitoring.use_tool_id(_TOOL, "touched")
        _monitoring.register_callback(_TOOL, _monitoring.events.PY_START, self._started)
        _monitoring.set_events(_TOOL, _monitoring.events.PY_START)
        sys.addaudithook(self._happened)

    def begin_anew(self) -> None:
        """Have all that is touched from now on written to where the environment says."""
        self._seen = set()
        _monitoring.restart_events()

    def _started(self, code: Any, _offset: int) -> object:
        # Whoever imports a module runs its classes' bodies too.
        if code.co_filename.startswith(_OURS) and code.co_flags & 0x2:  # CO_NEWLOCALS: a function's
            self._touch(code.co_filename)
        return _monitoring.DISABLE

    def _happened(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(path := arguments[0], str) and not path.endswith((".py", ".pyc")):
            self._touch(path)

    def _touch(self, path: str) -> None:
        if path in self._seen or not path.startswith(_OURS):
            return
        self._seen.add(path)
        name = path[len(_OURS) :]
        if name.startswith(_OTHERS) or not (where := os.environ.get(WHERE)):
            return
        # A process that may write nowhere tells of nothing.
        with suppress(OSError):
            file = os.open(where, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            os.write(file, f"{name}\n".encode())
            os.close(file)


def is_wanted() -> bool:
    """Say whether this run is to find out what is touched."""
    return WHERE in os.environ


def begin() -> None:
    """Write what this process touches from now on, where that is wanted."""
    if is_wanted():
        # One a process, whether `sitecustomize` made it or who imports this.
        recorder = vars(sys).get(_RECORDER) or _Recorder()
        vars(sys)[_RECORDER] = recorder
        recorder.begin_anew()


def wanted(environment: dict[str, str]) -> dict[str, str]:
    """Return an environment in which it is written what is touched."""
    SITE.mkdir(parents=True, exist_ok=True)
    (SITE / "sitecustomize.py").write_text(
        f"import runpy\nrunpy.run_path({str(Path(__file__))!r})['begin']()\n", encoding="utf-8"
    )
    FOLDER.mkdir(exist_ok=True)
    return {**environment, WHERE: str(FOLDER / "nobody"), "PYTHONPATH": str(SITE)}
