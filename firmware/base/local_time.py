"""The time zone that the configuration names, for all that this process shows and keeps hours by."""

import os
import time
from typing import Final

_ZONE: Final = "TZ"
_OURS: Final = "WECALL_SETS_TZ"
"""Says that the zone in the environment is of a configuration: a process that starts anew inherits it."""


def use_zone(name: str | None) -> None:
    """Keep the time of a zone (IANA's name), or the machine's own where there is none; before any other thread runs."""
    if os.environ.pop(_OURS, None) is not None:
        os.environ.pop(_ZONE, None)
    if name is not None:
        os.environ[_ZONE] = f":{name}"
        os.environ[_OURS] = "1"
    time.tzset()
