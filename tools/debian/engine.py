"""Finds the SIP library's wheel, which this project builds itself and no index has."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from packaging.utils import parse_wheel_filename

from engine.__main__ import wheel_for
from tools.debian.target import Target

_PATTERN: Final = "wecall_pjsua2-*.whl"


def engine_wheel(target: Target, folders: Iterable[Path]) -> Path:
    """Return the newest wheel in these folders that runs on the target, else the one that was built for it.

    Raises:
        EngineError: it cannot be built.
    """
    tags = frozenset(target.tags())
    fitting = [
        (version, path)
        for folder in folders
        for path in folder.glob(_PATTERN)
        for _, version, _, its_tags in [parse_wheel_filename(path.name)]
        if not tags.isdisjoint(its_tags)
    ]
    if fitting:
        return max(fitting)[1]
    return wheel_for(target.architecture)
