"""Loopback ports for peers, free ones, so that tests can run beside each other."""

import random
import socket

# Below the range from which the kernel serves sockets that name no port, so that none of those takes one meanwhile.
_RANGE = range(20000, 32768)


def free_port(kind: socket.SocketKind) -> int:
    """Return a loopback port that nobody uses at this moment."""
    while True:
        port = random.choice(_RANGE)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
