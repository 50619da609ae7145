"""Loopback ports for peers, free ones, so that tests can run beside each other."""

import socket


def free_port(kind: socket.SocketKind) -> int:
    """Return a loopback port that nobody uses at this moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
