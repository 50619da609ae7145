"""Threads of ours that call into the library."""

import ctypes


class ThreadRegistration:
    """Makes a thread known to the library, which aborts the process when a stranger calls in."""

    def __init__(self, library: ctypes.CDLL, name: bytes) -> None:
        self._library = library
        self._name = name
        # pj_thread_desc of pj/config.h: the library keeps a pointer to it for as long as the thread calls in.
        self._description = (ctypes.c_long * 64)()
        self._thread = ctypes.c_void_p()

    def register(self) -> None:
        """Register the calling thread, unless the library knows it."""
        if not self._library.pj_thread_is_registered():
            self._library.pj_thread_register(self._name, self._description, ctypes.byref(self._thread))
