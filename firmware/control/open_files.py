"""Open files that cross a local socket beside a line (SCM_RIGHTS, see unix(7)).

Whoever passes a file keeps it open, too, and may go on writing to it or cut it short. So small ones are files in memory
that are sealed, which nobody can change and whose reading waits for nobody, and large ones are copied first.
"""

import fcntl
import os
import socket
import stat
from array import array
from contextlib import ExitStack
from typing import BinaryIO, Final

from firmware.base.errors import ControlError

MOST_RECEIVED: Final = 2
"""So many are received at once: one more than a line may have, to tell that there are too many."""

_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def sealed(content: bytes) -> BinaryIO:
    """Return a file in memory that has this content for good."""
    file = os.fdopen(os.memfd_create("wecall", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "w+b")
    file.write(content)
    file.flush()
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
    return file


def send(connection: socket.socket, line: bytes, file: BinaryIO | None = None) -> int:
    """Send as much of a line as the connection takes, with an open file or none; return how many bytes that were."""
    beside = [] if file is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [file.fileno()]))]
    return connection.sendmsg([line], beside, socket.MSG_NOSIGNAL)


def receive(connection: socket.socket, most_bytes: int) -> tuple[bytes, list[int]]:
    """Return what came next, and open files beside it, `MOST_RECEIVED` at most; they are the caller's to close."""
    files = array("i")
    # Not socket.recv_fds: it lets children inherit them.
    data, beside, _, _ = connection.recvmsg(
        most_bytes, socket.CMSG_LEN(MOST_RECEIVED * files.itemsize), socket.MSG_CMSG_CLOEXEC
    )
    for _, _, descriptors in beside:
        files.frombytes(descriptors[: len(descriptors) // files.itemsize * files.itemsize])
    return data, files.tolist()


def regular(descriptor: int) -> BinaryIO:
    """Return a plain file, on a disk or in memory, that came by this descriptor; waits for it.

    Raises:
        ControlError: it is something else, such as a folder, a device or a pipe; it is closed.
    """
    with ExitStack() as unwanted:
        unwanted.callback(os.close, descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ControlError("What came beside the request is no plain file.")
        file = os.fdopen(descriptor, "rb", buffering=0)
        unwanted.pop_all()
        return file


def content_of(file: BinaryIO, most_bytes: int) -> bytes:
    """Return what is in a file in memory that nobody can change any more.

    Raises:
        ControlError: it is another file, or longer, or cannot be read.
    """
    try:
        seals = fcntl.fcntl(file, fcntl.F_GET_SEALS)
        if seals & _SEALS != _SEALS:
            raise ControlError("The file beside the request can still be changed. Seal it first.")
        content = os.pread(file.fileno(), most_bytes + 1, 0)
    except OSError as error:
        raise ControlError("The file beside the request is no file in memory that can be read.") from error
    if len(content) > most_bytes:
        raise ControlError(f"The file beside the request has more than {most_bytes} bytes.")
    return content
