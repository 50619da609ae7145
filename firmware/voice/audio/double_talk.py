"""What the far end gets while both ends speak: engine/native/double_talk.c, which says how it decides."""

import ctypes
import weakref
from dataclasses import dataclass

from firmware.voice.sip.native import library


@dataclass(frozen=True, slots=True)
class EchoPath:
    """What is known of the way from the loudspeaker to the microphone.

    Attributes:
        delay_ms: how late the far end's voice comes back.
        taken_db: how much of it the linear filter takes out.
    """

    delay_ms: int
    taken_db: int


class DoubleTalk:
    """A linear filter beside AEC3, and the choice between the two; belongs to one thread but for `echo_path`."""

    def __init__(self, rate_hz: int) -> None:
        """Make one that knows nothing of the room yet.

        Raises:
            SipError: the SIP library, which has it, is of another edition.
            MemoryError: there is no room for it.
        """
        self._library = library()
        self._own = self._library.wecall_double_talk_create(rate_hz)
        if not self._own:
            raise MemoryError("there is no room for the filter of the loudspeaker's echo")
        # Not at the interpreter's end: the audio thread may be in it then.
        weakref.finalize(self, self._library.wecall_double_talk_destroy, self._own).atexit = False
        self._made = ctypes.create_string_buffer(2 * (rate_hz // 100))

    @property
    def echo_path(self) -> EchoPath | None:
        """The echo's way, None while there is none: looked at every five seconds."""
        delay_ms, taken_db = ctypes.c_int(), ctypes.c_int()
        self._library.wecall_double_talk_report(self._own, ctypes.byref(delay_ms), ctypes.byref(taken_db))
        return EchoPath(delay_ms.value, taken_db.value) if delay_ms.value >= 0 else None

    def filter(self, near: bytes, far: bytes) -> bytes:
        """Return 10 ms of the microphone less what the filter knows of the echo, as late as AEC3 returns them."""
        self._library.wecall_double_talk_filter(self._own, near, far, self._made)
        return self._made.raw

    def choose(self, cancelled: bytes, filtered: bytes) -> bytes:
        """Return what to send of those 10 ms: what AEC3 made of them, or what the filter did."""
        self._library.wecall_double_talk_choose(self._own, cancelled, filtered, self._made)
        return self._made.raw
