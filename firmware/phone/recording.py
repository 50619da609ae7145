"""The recording of a call: how it ends, and how it is played."""

from enum import StrEnum
from typing import NewType

RecordingId = NewType("RecordingId", str)
"""Names a recording for ever."""


class RecordingEnd(StrEnum):
    """Why nothing more of a call is recorded.

    Attributes:
        STOPPED: the person wanted no more of it.
        CALL_OVER: the call ended, or was handed over.
        CONSENT_WITHDRAWN: the holder no longer allows recording.
        REFUSED_BY_PEER: the other end wants not to be recorded (RFC 7866).
        DISK_FULL: there is no room, though older recordings went first.
        FAILED: it could not be begun, or could not be written any more.
    """

    STOPPED = "stopped"
    CALL_OVER = "call_over"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    REFUSED_BY_PEER = "refused_by_peer"
    DISK_FULL = "disk_full"
    FAILED = "failed"


class RecordingSign(StrEnum):
    """What the other end of a call is told of its recording here (RFC 7866 section 6.1.2)."""

    ON = "on"
    OFF = "off"
    PAUSED = "paused"


class RecordingPreference(StrEnum):
    """What the other end of a call thinks of being recorded (RFC 7866 section 6.2).

    Attributes:
        NONE: it has not said anything.
        WANTED: it would like that.
        UNWANTED: it does not agree.
        PAUSED: not what is being said now.
    """

    NONE = "none"
    WANTED = "wanted"
    UNWANTED = "unwanted"
    PAUSED = "paused"


class RecordingNotice(StrEnum):
    """What everybody in a call hears of its recording.

    Attributes:
        BEGINNING: it is about to begin, or somebody new is about to be recorded; by a tone or in words.
        GREETING: nobody can come to the phone, and what is said after the tone is recorded.
        REMINDER: it goes on.
        END: nothing more is recorded.
    """

    BEGINNING = "beginning"
    GREETING = "greeting"
    REMINDER = "reminder"
    END = "end"


class Playback(StrEnum):
    """How the playing of a recording stands.

    Attributes:
        PLAYING: it is heard wherever the earpiece or the loudspeaker is open, and waits where neither is.
        PAUSED: it waits to go on.
        OVER: it came to its end.
        STOPPED: it was given up: somebody wanted so, or a call needs the earpiece.
        DAMAGED: what is left of its file does not verify, or its file is gone; it was played up to there.
    """

    PLAYING = "playing"
    PAUSED = "paused"
    OVER = "over"
    STOPPED = "stopped"
    DAMAGED = "damaged"
