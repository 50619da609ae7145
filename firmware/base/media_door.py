"""What voice says to root's service that lets calls' audio through, and what it hears."""

from typing import Final

SOCKET: Final = "/run/wecall-media/media.sock"
LONGEST: Final = 39
"""Bytes of the longest address."""
YES: Final = b"yes"
NO: Final = b"no"
KEPT_S: Final = 30
"""For so long an address that was said is let through."""
SAID_AGAIN_S: Final = 10.0
