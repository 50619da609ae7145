"""Finds the SIP library's wheel, which this project builds itself and no index has."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from packaging.utils import parse_wheel_filename

from engine.cache import wheel_for
from engine.errors import EngineError
from tools.debian.target import Target

_PATTERN: Final = "wecall_pjsua2-*.whl"


def engine_wheel(target: Target, folders: Iterable[Path]) -> Path:
    """Return the newest wheel in these folders that runs on the target, else the one that `make engine` keeps.

    Raises:
        EngineError: there is none, and none can be built.
    """
    fitting = [path for folder in folders for path in folder.glob(_PATTERN) if _runs(path, target)]
    if fitting:
        return max(fitting, key=lambda path: parse_wheel_filename(path.name)[1])
    wheel = wheel_for(target.architecture)
    if not _runs(wheel, target):
        raise EngineError(f"The SIP library was built for another Python than {target.python_words}: {wheel.name}.")
    return wheel


def _runs(wheel: Path, target: Target) -> bool:
    return not parse_wheel_filename(wheel.name)[3].isdisjoint(target.tags())
