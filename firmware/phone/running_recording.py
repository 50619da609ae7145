"""The recording of a call as the phone remembers it, from the wish until nothing more comes of it."""

from dataclasses import dataclass, field

from firmware.phone.call import CallerId, CallId
from firmware.phone.recording import RecordingEnd, RecordingSign
from firmware.phone.view import RecordingView

Party = tuple[CallId, CallerId]
"""Somebody at the other end of a call: who is there now may be another one later."""


@dataclass(slots=True)
class RunningRecording:
    """A recording that is wanted, goes on or comes to its end.

    Attributes:
        call_id: of which call; those that are joined to it are heard in it, too.
        announcing: those who are being told that they are recorded, empty while nobody is.
        interrupted: that could not be heard to its end, because the call was left meanwhile.
        announced: those who have heard it.
        begun: the recorder was told to begin.
        running: it has begun.
        paused: it was told to wait.
        signs: what each call's other end was told by SIP.
        end: why no more is wanted; None while more is.
        duration_s: how long it is so far.
    """

    call_id: CallId
    announcing: frozenset[Party] = frozenset()
    interrupted: bool = False
    announced: frozenset[Party] = frozenset()
    begun: bool = False
    running: bool = False
    paused: bool = False
    signs: dict[CallId, RecordingSign] = field(default_factory=dict)
    end: RecordingEnd | None = None
    duration_s: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether what is said now is kept."""
        return self.running and not self.paused and self.end is None

    def view(self) -> RecordingView | None:
        return RecordingView(self.duration_s, self.is_kept) if self.end is None else None
