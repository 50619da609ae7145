"""Who hears whom: the calls that the conference bridge connects with the handset and with each other."""

import contextlib
from collections.abc import Iterable
from itertools import permutations
from typing import Final, Protocol

import pjsua2

from firmware.phone.call import CallId

_HANDSET: Final = CallId("")


class Sound(Protocol):
    """A place in the conference bridge that gives and takes sound (pjsua2's AudioMedia)."""

    def startTransmit(self, sink: "Sound", /) -> object: ...  # noqa: N802 - pjsua2's name
    def stopTransmit(self, sink: "Sound", /) -> object: ...  # noqa: N802 - pjsua2's name


class Mixer:
    """Connects the handset with one call, or with all that are joined; calls on hold have no sound and are not heard.

    Of several calls that are neither joined nor on hold, the handset is with the one that was given attention last.
    """

    def __init__(self) -> None:
        self._sources: dict[CallId, Sound] = {}
        self._sinks: dict[CallId, Sound] = {}
        self._attention: list[CallId] = []
        self._joined: frozenset[CallId] = frozenset()
        self._connected: set[tuple[CallId, CallId]] = set()

    def open(self, microphone: Sound, earpiece: Sound) -> None:
        """Use these as the handset, from now on."""
        self._sources[_HANDSET], self._sinks[_HANDSET] = microphone, earpiece

    def close(self) -> None:
        """Let go of every sound; the library is about to be destroyed."""
        self._sources.clear()
        self._sinks.clear()
        self._attention.clear()
        self._connected.clear()
        self._joined = frozenset()

    def set_sound(self, call_id: CallId, sound: Sound | None) -> None:
        """Hear of a call's sound, new after each offer and answer; None where it has none or is on hold."""
        # Where the library has made the sound anew, it has lost its connections; where it has not, they are all there.
        unsure = {pair for pair in self._connected if call_id in pair}
        self._connected -= unsure
        if sound is not None:
            self._sources[call_id] = self._sinks[call_id] = sound
        wanted = self._wanted(without=call_id if sound is None else None)
        for source, sink in unsure - wanted:
            self._stop(source, sink)
        if sound is None:
            self._remove(call_id)
        self._apply()

    def attend_to(self, call_id: CallId) -> None:
        """Give the handset to this call."""
        if call_id in self._attention:
            self._attention.remove(call_id)
        self._attention.append(call_id)
        self._apply()

    def forget(self, call_id: CallId) -> None:
        """The call is over, and the library has taken its sound away."""
        if call_id in self._attention:
            self._attention.remove(call_id)
        self._joined -= {call_id}
        self._connected = {pair for pair in self._connected if call_id not in pair}
        self._remove(call_id)
        self._apply()

    def join(self, call_ids: Iterable[CallId]) -> None:
        """Let these calls hear each other and the handset."""
        self._joined = frozenset(call_ids)
        self._apply()

    def split(self) -> None:
        """Undo join."""
        self._joined = frozenset()
        self._apply()

    def _wanted(self, without: CallId | None = None) -> set[tuple[CallId, CallId]]:
        audible = self._sources.keys() - {_HANDSET, without}
        pairs: set[tuple[CallId, CallId]] = set(permutations(self._joined & audible, 2))
        attended = next((call_id for call_id in reversed(self._attention) if call_id in audible), None)
        if attended is not None and _HANDSET in self._sources:
            heard = (self._joined & audible) if attended in self._joined else {attended}
            pairs |= {pair for call_id in heard for pair in ((_HANDSET, call_id), (call_id, _HANDSET))}
        return pairs

    def _apply(self) -> None:
        wanted = self._wanted()
        for source, sink in self._connected - wanted:
            self._stop(source, sink)
        for source, sink in wanted - self._connected:
            self._sources[source].startTransmit(self._sinks[sink])
        self._connected = wanted

    def _stop(self, source: CallId, sink: CallId) -> None:
        # The library may have taken either away already.
        with contextlib.suppress(pjsua2.Error):
            self._sources[source].stopTransmit(self._sinks[sink])

    def _remove(self, call_id: CallId) -> None:
        self._sources.pop(call_id, None)
        self._sinks.pop(call_id, None)
