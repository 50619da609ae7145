"""The socket between the handset and voice: whole messages (SOCK_SEQPACKET), each with a file or none."""

import errno
import os
import socket
from array import array
from contextlib import suppress
from pathlib import Path
from typing import Final

SOCKET_NAME: Final = "voice.sock"
PROGRAM: Final = str(Path(__file__).resolve().parent)
"""Where this firmware lies: both processes have to run the same."""
MAX_MESSAGE_BYTES: Final = 32_768
"""More than a text message and its party need (see messages.LONGEST_TEXT); settings and sound come as files."""
_MOST_WAITING_BYTES: Final = 1_000_000


class ClosedError(Exception):
    """The other end has gone."""


class RefusedError(Exception):
    """What the other end said is no message of its list; the text quotes nothing of it."""


def listen(path: Path) -> socket.socket:
    """Return a listening socket at a path of this process's own.

    Raises:
        OSError: it cannot be made, or another handset listens there.
    """
    if (other := connect(path)) is not None:
        other.close()
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        # Nobody can connect before it listens, so its mode is right before the first.
        path.chmod(0o660)
    except OSError:
        listener.close()
        raise
    return listener


def connect(path: Path) -> socket.socket | None:
    """Return a connection, None where nobody listens, or too many wait for whoever does."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    try:
        # As much as the system allows: a handset that starts listens late, and there may be much to tell it.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST_WAITING_BYTES)
        connection.setblocking(False)
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    connection.setblocking(True)
    return connection


def send(connection: socket.socket, data: bytes, file: int | None = None) -> None:
    """Send a message without waiting.

    Raises:
        ClosedError: the other end has gone; or it takes nothing any more, by cause of BlockingIOError.
    """
    files = [] if file is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [file]))]
    try:
        # Not socket.send_fds: it drops the flags.
        connection.sendmsg([data], files, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except OSError as error:
        raise ClosedError from error


def send_content(connection: socket.socket, data: bytes, content: bytes) -> None:
    """Send a message with a file in memory that has this content; `ClosedError` as above."""
    file = os.memfd_create("wecall", os.MFD_CLOEXEC)
    try:
        os.pwrite(file, content, 0)
        send(connection, data, file)
    finally:
        os.close(file)


def receive(connection: socket.socket) -> tuple[bytes, int | None]:
    """Return the next message and the file that came with it, which is the caller's to close.

    Raises:
        ClosedError: the other end has gone.
        RefusedError: it is longer than a message may be, or has several files.
        BlockingIOError: there is none, on a connection that does not wait.
    """
    files = array("i")
    try:
        # Not socket.recv_fds: it drops the flags.
        data, extras, flags, _ = connection.recvmsg(
            MAX_MESSAGE_BYTES, socket.CMSG_LEN(2 * files.itemsize), socket.MSG_CMSG_CLOEXEC
        )
    except BlockingIOError:
        raise
    except ConnectionResetError:
        # Said once, and before what it said is read: the other end went without reading all that it was told.
        return receive(connection)
    except OSError as error:
        raise ClosedError from error
    for _, _, extra in extras:
        files.frombytes(extra[: len(extra) // files.itemsize * files.itemsize])
    if len(files) > 1 or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        close(*files)
        raise RefusedError("A message is longer than one may be, or has several files.")
    if not data:
        close(*files)
        raise ClosedError
    return data, files[0] if files else None


def close(*files: int | None) -> None:
    """Close what is open of these."""
    for file in files:
        if file is not None:
            with suppress(OSError):
                os.close(file)
