"""Puts the library's media thread to sleep while no call needs it.

That thread asks its I/O queue every 10 ms whether a packet has come, with nothing open too: 100 wake-ups a second that
cost 0.5 % of a core on an idle phone. It cannot ask while somebody else holds the queue's lock.
"""

import ctypes
import logging
from typing import Final

_log = logging.getLogger(__name__)

_POOL_BYTES: Final = 4000


class MediaQueue:
    """The media I/O queue's lock, held while idle.

    Everything happens on the `sip` thread. The lock is recursive, so the library may open and close sockets on that
    thread meanwhile; no other thread uses the queue without a call.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._lock = ctypes.c_void_p()
        self._held = False

    def start(self) -> None:
        """Find the queue's lock; without it the phone works as well and only uses more of the processor."""
        library = self._library
        for function in (library.pjsua_get_pjmedia_endpt, library.pjmedia_endpt_get_ioqueue, library.pjsua_pool_create):
            function.restype = ctypes.c_void_p
        if not self._lock_is_first_member():
            _log.warning("The media queue of this build keeps its lock elsewhere; an idle phone works harder.")
            return
        endpoint = ctypes.c_void_p(library.pjsua_get_pjmedia_endpt())
        queue = library.pjmedia_endpt_get_ioqueue(endpoint)
        if queue:
            self._lock = ctypes.c_void_p(ctypes.c_void_p.from_address(queue).value)

    def _lock_is_first_member(self) -> bool:
        """Give a queue made for this a lock of ours and see whether that is what it begins with.

        The real queue cannot be given another lock: its thread may hold the old one at that moment.
        """
        library = self._library
        size = ctypes.c_size_t(_POOL_BYTES)
        pool = ctypes.c_void_p(library.pjsua_pool_create(b"wecall", size, size))
        queue, lock = ctypes.c_void_p(), ctypes.c_void_p()
        try:
            if library.pj_ioqueue_create(pool, ctypes.c_size_t(1), ctypes.byref(queue)) != 0:
                return False
            if library.pj_lock_create_recursive_mutex(pool, b"wecall", ctypes.byref(lock)) != 0:
                return False
            # From here on the queue owns the lock.
            if library.pj_ioqueue_set_lock(queue, lock, ctypes.c_int(1)) != 0 or queue.value is None:
                return False
            return ctypes.c_void_p.from_address(queue.value).value == lock.value
        finally:
            if queue:
                library.pj_ioqueue_destroy(queue)
            library.pj_pool_release(pool)

    def rest(self) -> None:
        """Let the media thread sleep: there is no call."""
        if self._lock and not self._held:
            self._held = self._library.pj_lock_acquire(self._lock) == 0

    def work(self) -> None:
        """Let the media thread run: there is a call, or the library is about to be destroyed."""
        if self._held:
            self._held = False
            self._library.pj_lock_release(self._lock)

    def stop(self) -> None:
        """Forget the lock, which went with the library."""
        self.work()
        self._lock = ctypes.c_void_p()
