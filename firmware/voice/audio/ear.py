"""What is played in the ear, for whoever hears less: an equaliser, a boost and a limiter (engine/native/ear.c).

Nothing is called, and nothing of it loaded, while the sound is as it comes.
"""

import ctypes
import logging
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from firmware.base.errors import SipError
from firmware.phone.orders import EarPreset

_log = logging.getLogger(__name__)

BOOST_DB: Final = 12
_PRESETS: Final[Mapping[EarPreset, int]] = {EarPreset.NORMAL: 0, EarPreset.CLEAR: 1, EarPreset.LOUD: 2}
"""By their numbers in engine/native/ear.c."""


@dataclass(frozen=True, slots=True)
class EarSettings:
    """How the earpiece should sound.

    Attributes:
        preset: the holder's choice.
        boosted: whether it is BOOST_DB louder just now.
    """

    preset: EarPreset = EarPreset.NORMAL
    boosted: bool = False


_PLAIN: Final = EarSettings()


class Ear:
    """Belongs to the audio thread. Without the library the sound goes on as it comes."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._library: ctypes.CDLL | None = None
        self._own = 0
        self._is_plain = True
        self._is_broken = False

    def play(self, period: bytes, wanted: EarSettings) -> bytes:
        """Return a period as it should be heard; a choice that has changed fades in within it."""
        if self._is_plain and wanted == _PLAIN:
            return period
        library = self._loaded()
        if library is None:
            return period
        heard = ctypes.create_string_buffer(period, len(period))
        gain_db = BOOST_DB if wanted.boosted else 0
        self._is_plain = bool(
            library.wecall_ear_play(self._own, _PRESETS[wanted.preset], gain_db, heard, len(period) // 2)
        )
        return heard.raw

    def _loaded(self) -> ctypes.CDLL | None:
        if self._library is None and not self._is_broken:
            try:
                self._load()
            except (ImportError, SipError, MemoryError) as error:
                self._is_broken = True
                _log.warning("The earpiece sounds as it comes, whatever the holder has chosen: %s", error)
        return self._library

    def _load(self) -> None:
        # Who plays tones alone, without a line, has no SIP library in memory.
        from firmware.voice.sip.native import library  # noqa: PLC0415

        loaded = library()
        self._own = loaded.wecall_ear_create(self._rate_hz)
        if not self._own:
            raise MemoryError("There is no memory left.")
        # Not at the interpreter's end: the audio thread may be in it then.
        weakref.finalize(self, loaded.wecall_ear_destroy, self._own).atexit = False
        self._library = loaded
