"""Which syllables a Chinese character is read as, and which characters are read as a syllable."""

import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from firmware.base.pinyin.layout import Pinyin, from_text

_log = logging.getLogger(__name__)

TABLE_PATH: Final = Path(__file__).with_name("pinyin.dat")
"""The table that comes with the firmware; setup.py makes it when the package is built."""

_FIRST_RADICAL: Final = "\u2e80"
"""No Chinese character comes before it."""


@cache
def pinyin() -> Pinyin:
    """Return the table, read at the first call, in some 20 ms; an empty one where it cannot be read.

    Without it Chinese is neither typed nor found by its sound, and all else works.
    """
    try:
        return from_text(TABLE_PATH.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        _log.warning(
            "The table of pinyin in %s cannot be used: %s. Chinese can be neither typed nor searched. "
            "Install the firmware again.",
            TABLE_PATH,
            type(error).__name__,
        )
        return Pinyin({}, {})


def syllables() -> Mapping[str, str]:
    """Return the characters of each syllable, the most frequent first."""
    return pinyin().characters


def readings(character: str) -> tuple[str, ...]:
    """Return the usual readings of a character, the most usual first; none of what is not Chinese."""
    # A phone that knows nobody of a Chinese name need not spend the table's memory, nor its time in somebody's call.
    return pinyin().readings.get(character, ()) if character >= _FIRST_RADICAL else ()
