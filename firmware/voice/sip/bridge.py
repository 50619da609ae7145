"""The conference bridge's own port, reached without SWIG: a frame costs microseconds, not milliseconds."""

import ctypes
import threading


class ConferenceBridge:
    """An AudioPort that outlives the SIP library: silent while there is none, so that audio never depends on it.

    One thread exchanges frames, the `sip` thread opens and closes.
    """

    def __init__(self, rate_hz: int, frame_ms: int) -> None:
        self._rate_hz = rate_hz
        self._frame_samples = rate_hz * frame_ms // 1000
        self._frame_bytes = 2 * self._frame_samples
        self._silence = bytes(self._frame_bytes)
        self._near = ctypes.create_string_buffer(self._frame_bytes)
        self._far = ctypes.create_string_buffer(self._frame_bytes)
        # Held during an exchange, so that the port cannot vanish under it; otherwise taken only to open and close.
        self._lock = threading.Lock()
        self._library: ctypes.CDLL | None = None
        self._port = 0
        self._thread_known = False

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
                library.wecall_thread_register(b"audio")
                self._thread_known = True
            # Silence goes through the same buffer: given one of its own, the bridge sent what was last in this one
            # in every other frame, so that whoever was muted in mid-word was heard on and on.
            ctypes.memmove(self._near, self._silence if near is None else near, self._frame_bytes)
            if not library.wecall_bridge_exchange(self._port, self._near, self._far, self._frame_bytes):
                return self._silence
            return self._far.raw

    def open(self, library: ctypes.CDLL, port: int) -> None:
        """Connect to the library's bridge; called on the `sip` thread when the library is up.

        Args:
            library: its C functions.
            port: address of the bridge's master port (what `AudDevManager.setNoDev` returns).
        """
        with self._lock:
            self._library = library
            self._port = port
            self._thread_known = False

    def close(self) -> None:
        """Let go of the library before it is destroyed; exchanges return silence from here on."""
        with self._lock:
            self._library = None
            self._port = 0
            self._thread_known = False
