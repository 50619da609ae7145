"""Bundles on a local network: what a handset without a configuration asks there, and the form of what it is answered.

Whoever serves them announces `SERVICE` by DNS-SD (RFC 6763). The answer to `REQUEST` is every bundle there is, each
behind its length: which of them is for whom is for each handset to find out. Every handset sends the same bytes. What a
web server has at an address that a network names is the same file, or a single bundle as it is.
"""

import struct
from typing import Final

SERVICE: Final = "_wecall-bundle._tcp.local."

PATH: Final = "/bundles"


def request_for(host: str, path: str) -> bytes:
    """Return what every handset asks a server of bundles: nothing in it depends on more than the address."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: wecall-handset\r\n"
        "Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


REQUEST: Final = request_for("wecall-bundle.local", PATH)

LENGTH: Final = struct.Struct(">I")
"""Stands before each bundle: how many bytes it has."""

MOST_BUNDLE_BYTES: Final = 4 * 1024 * 1024
"""As much as one by MQTT, whose bound stands among what a computer that serves bundles has not."""

MOST_BUNDLES: Final = 1000

MOST_BYTES: Final = 64 * 1024 * 1024
"""The longest answer: each handset fetches all of it."""
