import itertools
from typing import Any

import pjsua2
import pytest

from firmware.phone.call import CallId
from firmware.voice.sip.bridge import ConferenceBridge
from firmware.voice.sip.mixer import Mixer

A, B, C = CallId("a"), CallId("b"), CallId("c")


class Bridge:
    """Keeps connections as pjmedia's conference bridge does; a sound that has gone takes its own along."""

    def __init__(self) -> None:
        self.connected: set[tuple[str, str]] = set()
        self.gone: set[str] = set()
        self._numbers = itertools.count()

    def sound(self, name: str) -> "Place":
        return Place(self, f"{name}{next(self._numbers)}")

    def take_away(self, place: "Place") -> None:
        self.gone.add(place.name)
        self.connected = {pair for pair in self.connected if place.name not in pair}


class Place:
    def __init__(self, bridge: Bridge, name: str) -> None:
        self.name = name
        self._bridge = bridge

    def startTransmit(self, sink: Any) -> None:  # noqa: N802 - pjsua2's name
        assert not {self.name, sink.name} & self._bridge.gone
        self._bridge.connected.add((self.name, sink.name))

    def stopTransmit(self, sink: Any) -> None:  # noqa: N802 - pjsua2's name
        if {self.name, sink.name} & self._bridge.gone:
            raise pjsua2.Error
        self._bridge.connected.discard((self.name, sink.name))


class Desk:
    """A mixer with its bridge, asked who hears whom."""

    def __init__(self) -> None:
        self.bridge = Bridge()
        self.mixer = Mixer()
        self.places: dict[CallId, Place] = {}
        self.mixer.open(Place(self.bridge, "microphone"), Place(self.bridge, "earpiece"))

    def begin(self, call_id: CallId) -> None:
        self.mixer.attend_to(call_id)
        self.renew(call_id)

    def renew(self, call_id: CallId) -> None:
        """As after a re-INVITE: the library has made the sound anew."""
        if call_id in self.places:
            self.bridge.take_away(self.places[call_id])
        self.places[call_id] = self.bridge.sound(call_id)
        self.mixer.set_sound(call_id, self.places[call_id])

    @property
    def hears(self) -> set[str]:
        return {f"{source[0]}>{sink[0]}" for source, sink in self.bridge.connected}


def both_ways(*pairs: str) -> set[str]:
    return {f"{pair[first]}>{pair[1 - first]}" for pair in pairs for first in (0, 1)}


def with_handset(*calls: str) -> set[str]:
    return {f"m>{call}" for call in calls} | {f"{call}>e" for call in calls}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_call_that_was_attended_to_last_is_heard_alone(desk: Desk) -> None:
    desk.begin(A)
    assert desk.hears == with_handset("a")
    desk.begin(B)
    assert desk.hears == with_handset("b")
    desk.mixer.attend_to(A)
    assert desk.hears == with_handset("a")


def test_a_call_that_has_no_sound_yet_leaves_the_handset_to_the_one_before(desk: Desk) -> None:
    desk.begin(A)
    desk.mixer.attend_to(B)
    assert desk.hears == with_handset("a")


def test_a_call_on_hold_is_not_heard_though_the_library_still_has_its_sound(desk: Desk) -> None:
    desk.begin(A)
    desk.mixer.set_sound(A, None)
    assert desk.hears == set()


def test_a_sound_made_anew_is_connected_as_the_old_one_was(desk: Desk) -> None:
    desk.begin(A)
    desk.begin(B)
    desk.mixer.join([A, B])
    before = desk.hears
    desk.renew(A)
    assert desk.hears == before


def test_a_sound_that_stays_through_an_offer_keeps_its_connections(desk: Desk) -> None:
    desk.begin(A)
    desk.mixer.set_sound(A, desk.places[A])
    assert desk.hears == with_handset("a")


def test_joined_calls_hear_each_other_until_split(desk: Desk) -> None:
    for call_id in (A, B, C):
        desk.begin(call_id)
    desk.mixer.join([A, B, C])
    assert desk.hears == with_handset("a", "b", "c") | both_ways("ab", "bc", "ac")
    desk.mixer.split()
    assert desk.hears == with_handset("c")


def test_one_that_is_held_out_of_a_conference_comes_back_into_it(desk: Desk) -> None:
    desk.begin(A)
    desk.begin(B)
    desk.mixer.join([A, B])
    desk.mixer.set_sound(A, None)
    assert desk.hears == with_handset("b")
    desk.renew(A)
    assert desk.hears == with_handset("a", "b") | both_ways("ab")


def test_who_is_not_of_the_conference_is_heard_alone_and_the_others_go_on(desk: Desk) -> None:
    desk.begin(A)
    desk.begin(B)
    desk.mixer.join([A, B])
    desk.begin(C)
    assert desk.hears == with_handset("c") | both_ways("ab")


def test_a_call_that_is_over_is_forgotten(desk: Desk) -> None:
    desk.begin(A)
    desk.begin(B)
    desk.mixer.join([A, B])
    desk.bridge.take_away(desk.places[B])
    desk.mixer.forget(B)
    assert desk.hears == with_handset("a")
    desk.bridge.take_away(desk.places[A])
    desk.mixer.forget(A)
    assert desk.hears == set()


def test_a_sound_that_the_library_has_taken_away_does_no_harm(desk: Desk) -> None:
    desk.begin(A)
    desk.bridge.take_away(desk.places[A])
    desk.mixer.set_sound(A, None)
    desk.begin(B)
    assert desk.hears == with_handset("b")


@pytest.mark.parametrize(("rate_hz", "frame_ms", "samples"), [(16000, 10, 160), (8000, 20, 160), (48000, 10, 480)])
def test_without_the_library_the_bridge_is_silent(rate_hz: int, frame_ms: int, samples: int) -> None:
    bridge = ConferenceBridge(rate_hz, frame_ms)
    bridge.attach()
    assert (bridge.rate_hz, bridge.frame_samples) == (rate_hz, samples)
    assert bridge.exchange(b"\x01" * 2 * samples) == bytes(2 * samples)
    assert bridge.exchange(None) == bytes(2 * samples)


def test_a_frame_of_another_length_is_refused() -> None:
    bridge = ConferenceBridge(16000, 10)
    with pytest.raises(ValueError, match="320 bytes"):
        bridge.exchange(bytes(160))
