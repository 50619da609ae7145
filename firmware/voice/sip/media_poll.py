"""The thread that takes in audio packets, asleep while no call needs it.

pjmedia's own thread for this wakes every 10 ms whether or not there is a call; that alone costs an idle phone 0.5 % of
a core.
"""

import threading
from typing import Final

from firmware.voice.sip import native

_WAIT_MS: Final = 20  # a packet ends the wait; sockets opened meanwhile are seen after it


class MediaPoll:
    """Polls the media I/O queue in place of the library's own thread.

    Between two polls it holds no lock of the library's, and packets wait in the kernel.
    """

    def __init__(self) -> None:
        self._queue = 0
        self._wanted = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="rtp", daemon=True)

    def start(self) -> None:
        """Take the library's thread's place; ours sleeps until there is a call."""
        self._queue = native.library().wecall_media_queue()
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
        library = native.library()
        library.wecall_thread_register(b"rtp")
        poll, queue = library.wecall_media_poll, self._queue
        while True:
            self._wanted.wait()
            if self._stopping:
                return
            poll(queue, _WAIT_MS)
