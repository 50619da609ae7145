"""What a NOTIFY says of somebody's presence (PIDF, RFC 3863): reachable, in a call, or off, and nothing else."""

from typing import Final

from firmware.phone.news import Watched
from firmware.voice.sip.plain_xml import NoGoodFormError, one_of, parts

_ROOT: Final = ("presence",)
_BASIC: Final = ("presence", "tuple", "status", "basic")
_BUSY: Final = frozenset({("activities", "on-the-phone"), ("activities", "busy")})
"""RPID (RFC 4480); Asterisk says `busy` of whoever is in a call."""


def read_presence(text: str) -> Watched | None:
    """Read a document of presence; None where it is none, UNKNOWN where it says nothing."""
    basics: set[str] = set()
    is_presence = is_busy = False
    try:
        for path, attributes, said in parts(text):
            if attributes is not None:
                is_presence = is_presence or path == _ROOT
                is_busy = is_busy or path[-2:] in _BUSY
            elif path == _BASIC and said:
                basics.add(one_of(said, {"open", "closed"}))
    except NoGoodFormError:
        return None
    if not is_presence:
        return None
    # Asterisk calls whoever can take no second call closed, and busy.
    if is_busy:
        return Watched.BUSY
    if "open" in basics:
        return Watched.FREE
    return Watched.OFF if basics else Watched.UNKNOWN
