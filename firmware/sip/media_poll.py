"""The thread that takes in audio packets, asleep while no call needs it.

pjmedia's own thread for this wakes every 10 ms whether or not there is a call; that alone costs an idle phone 0.5 % of
a core.
"""

import ctypes
import threading
from typing import Final

from firmware.sip.thread_registration import ThreadRegistration

_WAIT_MS: Final = 20  # a packet ends the wait; sockets opened meanwhile are seen after it


class _TimeValue(ctypes.Structure):
    """struct pj_time_val of pj/types.h."""

    _fields_ = (("sec", ctypes.c_long), ("msec", ctypes.c_long))


class MediaPoll:
    """Polls the media I/O queue in place of the library's own thread.

    Between two polls it holds no lock of the library's, and packets wait in the kernel.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._io_queue = ctypes.c_void_p()
        self._wanted = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="rtp", daemon=True)

    def start(self) -> None:
        """Take the library's thread's place; ours sleeps until there is a call."""
        library = self._library
        library.pjsua_get_pjmedia_endpt.restype = ctypes.c_void_p
        library.pjmedia_endpt_get_ioqueue.restype = ctypes.c_void_p
        endpoint = ctypes.c_void_p(library.pjsua_get_pjmedia_endpt())
        library.pjmedia_endpt_stop_threads(endpoint)
        self._io_queue = ctypes.c_void_p(library.pjmedia_endpt_get_ioqueue(endpoint))
        self._thread.start()

    def stop(self) -> None:
        """End the thread, before the library is destroyed."""
        self._stopping = True
        self._wanted.set()
        self._thread.join()

    def set_wanted(self, wanted: bool) -> None:
        """Take packets in from now on, or rest."""
        if wanted:
            self._wanted.set()
        else:
            self._wanted.clear()

    def _run(self) -> None:
        library = self._library
        registration = ThreadRegistration(library, b"rtp")
        registration.register()
        wait = _TimeValue(0, _WAIT_MS)
        wait_pointer = ctypes.byref(wait)
        poll = library.pj_ioqueue_poll
        while True:
            self._wanted.wait()
            if self._stopping:
                return
            poll(self._io_queue, wait_pointer)
