"""Loopback ports for peers, free ones, so that tests can run beside each other."""

import itertools
import os
import random
import socket
from collections.abc import Iterator
from typing import Final

# Below the range from which the kernel serves sockets that name no port, so that none of those takes one meanwhile.
_RANGE: Final = range(20000, 32768)


def free_port(kind: socket.SocketKind) -> int:
    """Return a loopback port that nobody uses at this moment, and that nobody else is given before it is used."""
    for port in _ports:
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("the ports go round for ever")


def _own_ports() -> Iterator[int]:
    """Give the ports that are this process's among those that run tests, each once before any comes a second time.

    A port is free until it is listened at: picked by chance alone, one would be given twice now and then.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    own = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = _RANGE[own::processes]
    # What else runs tests on this computer begins elsewhere.
    return itertools.cycle(random.sample(ports, len(ports)))


_ports: Final = _own_ports()
