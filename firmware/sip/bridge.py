"""The conference bridge's own port, reached without SWIG: a frame costs microseconds, not milliseconds."""

import ctypes
import threading
from typing import Final

from firmware.sip.thread_registration import ThreadRegistration

_FRAME_TYPE_AUDIO: Final = 1  # PJMEDIA_FRAME_TYPE_AUDIO in pjmedia/frame.h


class _Frame(ctypes.Structure):
    """struct pjmedia_frame of pjmedia/frame.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buf", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("timestamp", ctypes.c_uint64),
        ("bit_info", ctypes.c_uint32),
    )


class ConferenceBridge:
    """An AudioPort that outlives the SIP library: silent while there is none, so that audio never depends on it.

    One thread exchanges frames, the `sip` thread opens and closes.
    """

    def __init__(self, rate_hz: int, frame_ms: int) -> None:
        self._rate_hz = rate_hz
        self._frame_samples = rate_hz * frame_ms // 1000
        self._frame_bytes = 2 * self._frame_samples
        self._silence = bytes(self._frame_bytes)
        self._near_buffer = ctypes.create_string_buffer(self._frame_bytes)
        self._far_buffer = ctypes.create_string_buffer(self._frame_bytes)
        self._near_frame = self._frame(self._near_buffer)
        self._far_frame = self._frame(self._far_buffer)
        # Held during an exchange, so that the port cannot vanish under it; otherwise taken only to open and close.
        self._lock = threading.Lock()
        self._library: ctypes.CDLL | None = None
        self._port = ctypes.c_void_p()
        self._thread_known = False
        # The library keeps pointers into them for as long as their threads live.
        self._registrations: list[ThreadRegistration] = []

    @property
    def rate_hz(self) -> int:
        """Samples a second."""
        return self._rate_hz

    @property
    def frame_samples(self) -> int:
        """Samples in each frame exchanged."""
        return self._frame_samples

    def attach(self) -> None:
        """Make the calling thread the one that exchanges frames."""
        with self._lock:
            self._thread_known = False

    def exchange(self, near: bytes | None) -> bytes:
        """Give one frame of the microphone (None for silence) and take the frame that is due at the earpiece.

        Raises:
            ValueError: the frame is not exactly `frame_samples` long.
        """
        if near is not None and len(near) != self._frame_bytes:
            raise ValueError(f"A frame for the bridge has {self._frame_bytes} bytes, not {len(near)}.")
        with self._lock:
            library = self._library
            if library is None:
                return self._silence
            if not self._thread_known:
                self._make_thread_known(library)
            # Silence goes through the same buffer: given one of its own, pjsua2 2.15.1 sent what was last in this one
            # in every other frame, so that whoever was muted in mid-word was heard on and on.
            ctypes.memmove(self._near_buffer, self._silence if near is None else near, self._frame_bytes)
            library.pjmedia_port_put_frame(self._port, ctypes.byref(self._near_frame))
            far = self._far_frame
            far.type = _FRAME_TYPE_AUDIO
            far.size = self._frame_bytes
            library.pjmedia_port_get_frame(self._port, ctypes.byref(far))
            if far.type != _FRAME_TYPE_AUDIO or far.size != self._frame_bytes:
                return self._silence
            return self._far_buffer.raw

    def open(self, library: ctypes.CDLL, port: int) -> None:
        """Connect to the library's bridge; called on the `sip` thread when the library is up.

        Args:
            library: pjproject's symbols.
            port: address of the bridge's master port (what `AudDevManager.setNoDev` returns).
        """
        with self._lock:
            self._library = library
            self._port = ctypes.c_void_p(port)
            self._thread_known = False

    def close(self) -> None:
        """Let go of the library before it is destroyed; exchanges return silence from here on."""
        with self._lock:
            self._library = None
            self._port = ctypes.c_void_p()
            self._thread_known = False

    def _make_thread_known(self, library: ctypes.CDLL) -> None:
        registration = ThreadRegistration(library, b"audio")
        registration.register()
        self._registrations.append(registration)
        self._thread_known = True

    def _frame(self, buffer: "ctypes.Array[ctypes.c_char]") -> _Frame:
        return _Frame(_FRAME_TYPE_AUDIO, ctypes.addressof(buffer), self._frame_bytes, 0, 0)
